"""What a job's environment has to have: wheels that travel, and distributions that an index has."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from importlib.metadata import DistributionFinder, MetadataPathFinder
from pathlib import Path

from fledge_azureml_node.trouble import NotReadyError

_LINE = re.compile(r"([A-Za-z0-9._-]+)\s*(?:(==|>=)\s*([^;,\s]+))?\s*")
_RELEASE = re.compile(r"(\d+(?:\.\d+)*)(?:\+.*)?")
_LAST_LINES = 4
_POLL_SECONDS = 0.05


def unpack(wheels: Path, site: Path) -> None:
    """Have the folder `site` hold what the wheels do, as an installed one's would; their scripts are left out."""
    site.mkdir(parents=True, exist_ok=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    for data in site.glob("*.data"):
        for part in ("purelib", "platlib"):
            if (data / part).is_dir():
                shutil.copytree(data / part, site, dirs_exist_ok=True)


def provide(requirements: list[str], site: Path) -> None:
    """Have pip install what is missing. Raises NotReadyError where it cannot."""
    lacking = [line for line in requirements if not is_here(line, site)]
    if not lacking:
        return
    print(f"installing {', '.join(lacking)}", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    code, told = _executed([*pip, *lacking], os.environ | python_path(site, os.environ))
    if code:
        lines = [line for line in told.splitlines() if line.strip()]
        said = "\n  ".join(lines[-_LAST_LINES:])
        raise NotReadyError(
            f"the job's environment lacks {', '.join(lacking)}, and pip cannot install what is missing:\n  {said}\n"
            "  choose an environment that has it, or one whose nodes reach a package index"
        )


def _executed(words: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Its exit status, and what it printed, which is into a file: a signal that comes while a pipe is read may be heard
    when all is read, and not before."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            words, env=environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                time.sleep(_POLL_SECONDS)
        except BaseException:
            process.kill()
            process.wait()
            raise
        printed.seek(0)
        return process.returncode, printed.read().decode(errors="replace")


def is_here(line: str, site: Path) -> bool:
    """Whether a distribution is installed, or came as a wheel, at its version or above its bound; false for a line that
    only pip can read."""
    told = _LINE.fullmatch(line.strip())
    if told is None:
        return False
    name, comparison, version = told.groups()
    context = DistributionFinder.Context(name=name, path=[str(site), *sys.path])
    found = next(iter(MetadataPathFinder.find_distributions(context)), None)
    if found is None:
        return False
    if comparison == ">=":
        least, has = _release(version), _release(found.version)
        return bool(least and has) and has >= least
    # A pin without a local part (torch==2.9.0) is kept by a build that has one (2.9.0+cu128).
    return version is None or version in (found.version, found.version.partition("+")[0])


def _release(version: str) -> tuple[int, ...]:
    """Its numbers; none of a beta and its like, which pip has to compare."""
    told = _RELEASE.fullmatch(version)
    return tuple(map(int, told[1].split("."))) if told else ()


def python_path(site: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variable by which what is in `site` is found before anything else."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(site), environment.get("PYTHONPATH"))))}
