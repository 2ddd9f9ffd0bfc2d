"""From Horovod's source archive to a wheel for the torch that is here."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from fledge_horovod.build.demands import cuda_home, has_cmake
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
    if recipe.nccl:
        environment |= _for_gpus(folder / "nccl")
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


def _for_gpus(folder: Path) -> dict[str, str]:
    """Where CUDA and NCCL are, as far as that is known here.

    Torch's own NCCL, where it brought one, is laid out in `folder` as Horovod looks for it: by the time that Horovod
    asks the system for a library of that name, torch has loaded it.
    """
    home = cuda_home()
    # Horovod asks for the one, and torch, which Horovod asks, for the other.
    told = dict.fromkeys(("HOROVOD_CUDA_HOME", "CUDA_HOME"), str(home)) if home else {}
    if any(name.startswith("HOROVOD_NCCL") for name in os.environ):
        return told
    spec = find_spec("nvidia.nccl") if find_spec("nvidia") else None
    for place in map(Path, (spec and spec.submodule_search_locations) or ()):
        library = place / "lib" / "libnccl.so.2"
        if library.exists():
            (folder / "lib").mkdir(parents=True)
            (folder / "lib" / "libnccl.so").symlink_to(library)
            (folder / "include").symlink_to(place / "include")
            return {**told, "HOROVOD_NCCL_HOME": str(folder), "HOROVOD_NCCL_LINK": "shared"}
    return told
