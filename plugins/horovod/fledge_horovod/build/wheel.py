"""From Horovod's source archive to a wheel for the torch that is here."""

import os
import sys
from pathlib import Path

from fledge_horovod.build.demands import has_cmake
from fledge_horovod.build.display import Display
from fledge_horovod.build.logged import run_logged
from fledge_horovod.build.trouble import trouble
from fledge_horovod.recipe.recipe import SHA256, VERSION, Recipe

_TOOLS = ["setuptools>=70.1"]
_CMAKE = "cmake>=3.21"


def make_wheel(recipe: Recipe, folder: Path, log: Path, display: Display) -> Path:
    """A wheel in `folder`, which is empty before and holds everything else that the build leaves, too.

    Raises RunError with the log's telling lines.
    """
    # Beside the environment, not in it: a person's setuptools is their own affair.
    tools, wheels, temporary = folder / "tools", folder / "wheels", folder / "tmp"
    temporary.mkdir()
    wanted = folder / "wanted.txt"
    wanted.write_text(f"horovod=={VERSION} --hash=sha256:{SHA256}\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HOROVOD_WITH")}
    environment |= recipe.environment() | {
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join([str(tools), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PATH": os.pathsep.join([str(tools / "bin"), os.environ.get("PATH", os.defpath)]),
    }
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    needed = _TOOLS if has_cmake() else [*_TOOLS, _CMAKE]
    source = ["--no-binary", "horovod", "--no-deps", "--no-build-isolation", "--use-pep517", "--no-cache-dir"]
    for command in (
        [*pip, "install", "--target", str(tools), *needed],
        [*pip, "wheel", "-v", *source, "--wheel-dir", str(wheels), "--requirement", str(wanted)],
    ):
        if run_logged(command, environment, log, display):
            raise trouble(log)
    return next(wheels.glob("*.whl"))
