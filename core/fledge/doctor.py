"""What is the matter here: everything a run leans on, looked at before it falls."""

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from fledge.discovery import disabled
from fledge.discovery.catalog import Catalog, Found
from fledge.discovery.plugin import quiet_stdout
from fledge.errors import FledgeError, SpecError
from fledge.hooks import KINDS, Kind
from fledge.interfaces.backend import ComputeBackend, Finding
from fledge.interfaces.launcher import Launcher
from fledge.runs.places import cache

_LOW_BYTES, _NONE_BYTES = 2 << 30, 100 << 20


@dataclass(frozen=True)
class Diagnosis:
    """A finding, and what it is about: "python", "home", "cache" and so on, "backend NAME" or "launcher NAME"."""

    subject: str
    finding: Finding

    def to_dict(self) -> dict[str, Any]:
        return {"subject": self.subject, **asdict(self.finding)}


def examine(catalog: Catalog, home: Path) -> Iterator[Diagnosis]:
    """Everything, as it is found. Nothing is raised, and nothing left behind."""
    told = f"Python {platform.python_version()} on {platform.platform()}, fledge {version('fledge')}"
    yield Diagnosis("python", Finding("ok", told))
    yield from (Diagnosis("torch", finding) for finding in _torch())
    yield from (Diagnosis("plugins", finding) for finding in _plugins(catalog))
    yield from (Diagnosis("home", finding) for finding in _folder(home, "FLEDGE_HOME=DIR"))
    yield from (Diagnosis("cache", finding) for finding in _folder(cache(), "XDG_CACHE_HOME=DIR"))
    yield from (Diagnosis("cache", finding) for finding in _cached(cache()))
    for one in catalog.offers("backend"):
        found = _asked("backend", one, catalog, home) or [Finding("ok", "has nothing to say")]
        yield from (Diagnosis(f"backend {one.offer.name}", finding) for finding in found)
    for one in catalog.offers("launcher"):
        yield from (Diagnosis(f"launcher {one.offer.name}", finding) for finding in _asked("launcher", one, catalog))


def _torch() -> Iterator[Finding]:
    # In a process of its own: importing it takes seconds, and may end the process.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fledge.worker.machine"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        remedy = "install torch and torchvision of one release, from one index"
        yield Finding("error", f"torch cannot be used: {last}", remedy)
        return
    told = json.loads(done.stdout.splitlines()[-1])
    yield Finding("ok", f"torch {told['torch']}, torchvision {told['torchvision'] or 'not installed'}")
    number_format = "bf16" if told["bf16"] else "fp32"
    where = ", ".join(told["gpus"]) if told["gpus"] else f"the processor, {told['threads']} threads"
    yield Finding("ok", f"training on {where}, in {number_format}")


def _plugins(catalog: Catalog) -> Iterator[Finding]:
    for broken in catalog.broken:
        told = broken.plugin
        remedy = (
            f"fledge plugins show {told.name} says more; to do without it: fledge plugins disable {told.distribution}"
        )
        yield Finding("error", str(broken), remedy)
    for line in catalog.namesakes():
        yield Finding("error", line)
    for kind in KINDS:
        for name in dict.fromkeys(one.offer.name for one in catalog.offers(kind)):
            try:
                catalog.options_class(catalog.find(kind, name).offer)
            except FledgeError as error:
                yield Finding("error", error.message, error.hint or "")
    for one in catalog.loaded:
        for remark in one.remarks():
            yield Finding("warning", f"plugin {one.plugin.name!r} {remark}", "tell its author")
    for plugin in catalog.disabled:
        yield Finding("ok", f"plugin {plugin.name!r} is disabled", disabled.remedy(plugin))
    yield Finding("ok", f"{len(catalog.loaded)} plugins take part")


def _folder(folder: Path, elsewhere: str) -> Iterator[Finding]:
    """Whether it can be written to, and has room."""
    # What is not there yet will be made in the nearest folder that is.
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.NamedTemporaryFile(dir=there) as file:
            file.write(b"fledge")
            file.flush()
        free = shutil.disk_usage(there).free
    except OSError as error:
        yield Finding(
            "error", f"{folder} cannot be written to: {error.strerror or error}", f"name another: {elsewhere}"
        )
        return
    level: Literal["ok", "warning", "error"] = (
        "error" if free < _NONE_BYTES else "warning" if free < _LOW_BYTES else "ok"
    )
    yield Finding(level, f"{folder}: {free / 1e9:.1f} GB free", "" if level == "ok" else f"make room, or {elsewhere}")


def _cached(folder: Path) -> Iterator[Finding]:
    try:
        for part in sorted(folder.iterdir()) if folder.is_dir() else ():
            files = [path.stat().st_size for path in part.rglob("*") if path.is_file()]
            yield Finding("ok", f"{part}: {len(files)} files, {sum(files) / 1e6:.1f} MB; what is removed is made again")
    except OSError as error:
        yield Finding("warning", f"{folder} cannot be looked through: {error}", "let it be, or remove it")


def _asked(kind: Kind, one: Found, catalog: Catalog, *more: Path) -> list[Finding]:
    try:
        catalog.options(kind, one.offer.name, {})
        with quiet_stdout():
            offered: ComputeBackend | Launcher = catalog.make(kind, one.offer.name, {}, *more)
            found = offered.check()
        if not all(isinstance(finding, Finding) for finding in found):
            raise TypeError("check() returns a list of fledge.Finding")
    except SpecError as error:
        return [Finding("ok", f"not asked, for it has to be told first: {error.message}")]
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- a stranger's code
        hint = getattr(error, "hint", None) or "ask its author"
        return [Finding("error", f"{type(error).__name__}: {getattr(error, 'message', error)}", hint)]
    return found
