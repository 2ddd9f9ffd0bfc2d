"""Distributions: where what a job requires comes from, and what that needs in its turn, as they are installed here."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fledge import UsageError
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from fledge_azureml.request import Wheel

# What markers are asked of: a node, whatever this machine is.
_NODE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}


@dataclass(frozen=True)
class Sources:
    """pip's lines for what an index or a repository has, and what is built here because none has it."""

    requirements: tuple[str, ...]
    wheels: tuple[Wheel, ...]


def sources(lines: Iterable[str]) -> Sources:
    """Of each requirement line, as its distribution was installed here: from an index, or from a folder or file.

    Raises UsageError where that folder or file is gone.
    """
    requirements, wheels = [], []
    for line in lines:
        wanted = Requirement(line)
        found = _installed(wanted.name)
        origin = _origin(found)
        path = _local(origin)
        if found is not None and path is not None:
            if not path.exists():
                raise UsageError(
                    f"{wanted.name} was installed from {path}, which is gone: it cannot be built to travel",
                    hint=f"install it anew: pip install {wanted.name}, or pip install --editable FOLDER",
                )
            wheels.append(Wheel(name=canonicalize_name(wanted.name), version=found.version, source=str(path)))
        else:
            requirements.append(f"{wanted.name} @ {_address(origin)}" if origin else line)
    return Sources(tuple(sorted(requirements)), tuple(sorted(wheels, key=lambda wheel: wheel.name)))


def dependencies(lines: Iterable[str]) -> dict[str, str]:
    """What the distributions of these lines need, by name: a requirement line of the version that is installed here."""
    needed: dict[str, str] = {}
    for told in _needs(lines):
        needed.setdefault(canonicalize_name(told.name), pinned(told))
    return needed


def bounds(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The same, as those distributions ask for it: lines of any version that does, of one that many ask for many."""
    needed: dict[str, tuple[str, ...]] = {}
    for told in _needs(lines):
        name, line = canonicalize_name(told.name), _without_marker(told)
        needed[name] = tuple(dict.fromkeys((*needed.get(name, ()), line)))
    return needed


def _needs(lines: Iterable[str]) -> Iterator[Requirement]:
    wanted = [Requirement(line) for line in lines]
    own = {canonicalize_name(one.name) for one in wanted}
    for one in wanted:
        found = _installed(one.name)
        for line in (found.requires or ()) if found else ():
            told = Requirement(line)
            applies = any(_holds(told.marker, extra) for extra in ("", *one.extras))
            if applies and canonicalize_name(told.name) not in own:
                yield told


def _without_marker(wanted: Requirement) -> str:
    # It was asked already, of a node.
    told = Requirement(str(wanted))
    told.marker = None
    return str(told)


def _holds(marker: Marker | None, extra: str) -> bool:
    try:
        return marker is None or marker.evaluate({**_NODE, "extra": extra})
    except InvalidVersion:
        # Of an extra called v2 packaging 25, which SDK v1 keeps, believes that it is a version, which no extra is not.
        return False


def pinned(wanted: Requirement) -> str:
    """The version installed here; as it is wanted where there is none."""
    found = _installed(wanted.name)
    name = wanted.name + (f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else "")
    if found is None:
        return f"{name}{wanted.specifier}"
    try:
        # A build's own mark, +cpu say, is of this machine: the cluster's machines want another.
        return f"{name}=={Version(found.version).public}"
    except InvalidVersion:
        return f"{name}{wanted.specifier}"


def code_sha256(name: str) -> str:
    """Over the files of the packages that a plugin's distribution names in its entry points, as they are imported here;
    nothing is imported for it."""
    found, digest = _installed(name), hashlib.sha256()
    points = found.entry_points.select(group="fledge") if found else ()
    for package in sorted({point.module.partition(".")[0] for point in points}):
        told = find_spec(package)
        for place in map(Path, (told.submodule_search_locations or ()) if told else ()):
            for path in sorted(one for one in place.rglob("*") if one.is_file() and "__pycache__" not in one.parts):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{package}/{path.relative_to(place).as_posix()}\0{content}\0".encode())
    return digest.hexdigest()


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _origin(found: Distribution | None) -> dict[str, Any]:
    """What pip wrote down of one that did not come from an index; empty of one that did."""
    told: dict[str, Any] = json.loads((found.read_text("direct_url.json") if found else None) or "{}")
    return told


def _local(origin: dict[str, Any]) -> Path | None:
    parts = urlsplit(origin.get("url", ""))
    # A repository of this machine's can be cloned by nobody else.
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _address(origin: dict[str, Any]) -> str:
    vcs = origin.get("vcs_info")
    return f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}" if vcs else str(origin["url"])
