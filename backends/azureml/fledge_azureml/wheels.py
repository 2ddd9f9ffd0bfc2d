"""Wheels: what no index has is built here, from where it is installed from, and travels."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fledge import RunError, UsageError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import parse_wheel_filename

from fledge_azureml.request import Wheel

# So that one source gives one wheel, byte by byte, and the service knows an upload that it has already.
_EPOCH = {"SOURCE_DATE_EPOCH": "315532800"}
_LAST_LINES = 5


def build(wheels: Sequence[Wheel], target: Path) -> list[Path]:
    """Into the folder `target`. Raises RunError where one cannot be built, UsageError for one of which this machine's
    wheel is no other's."""
    # What builds them may be installed here already: then no index is asked, and nothing is fetched.
    ready = [wheel for wheel in wheels if _can_be_built_here(Path(wheel.source))]
    _pip(ready, target, "--no-build-isolation")
    _pip([wheel for wheel in wheels if wheel not in ready], target)
    built = {str(parse_wheel_filename(path.name)[0]): path for path in sorted(target.glob("*.whl"))}
    for wheel in wheels:
        _check(wheel, built)
    return sorted(built.values())


def _pip(wheels: Sequence[Wheel], target: Path, *more: str) -> None:
    if not wheels:
        return
    words = ["wheel", "--no-deps", "--disable-pip-version-check", "--wheel-dir", str(target), *more]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, *(wheel.source for wheel in wheels)],
        env={**os.environ, **_EPOCH},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        names = " and ".join(f"{wheel.name} ({wheel.source})" for wheel in wheels)
        # What comes behind it is pip's advice.
        said = done.stdout.partition("[end of output]")[0]
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        raise RunError(
            f"no wheel can be built of {names}, which the run needs: " + "; ".join(lines[-_LAST_LINES:]),
            hint=f"python -m pip {' '.join(words[:2])} {wheels[0].source} says all of it",
        )


def _can_be_built_here(source: Path) -> bool:
    if source.is_file():
        return source.suffix == ".whl"
    try:
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
        lines = project["build-system"]["requires"]
        return all(_is_installed(Requirement(line)) for line in lines)
    except (OSError, ValueError, KeyError, TypeError, InvalidRequirement):
        return False


def _is_installed(wanted: Requirement) -> bool:
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _check(wheel: Wheel, built: dict[str, Path]) -> None:
    path = built.get(wheel.name)
    if path is None:
        raise RunError(f"{wheel.source} was built, and there is no wheel of {wheel.name} among what came of it")
    _, found, _, tags = parse_wheel_filename(path.name)
    if str(found) != wheel.version:
        raise UsageError(
            f"{wheel.name} is installed here as {wheel.version}, and {wheel.source} is {found} by now",
            hint=f"install it anew: pip install --editable {wheel.source}",
        )
    if any(tag.platform != "any" for tag in tags):
        raise UsageError(
            f"{wheel.name} is not of Python alone: its wheel, {path.name}, is for machines like this one",
            hint="put it on an index that the service reaches, and install it here from there",
        )
