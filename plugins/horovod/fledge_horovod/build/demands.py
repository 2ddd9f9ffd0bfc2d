"""Demands: what has to be here before a build is begun, each with a sentence of its own where it is not."""

import os
import re
import shutil
import subprocess
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from fledge import RunError, UsageError

from fledge_horovod.recipe.recipe import Recipe

# The first that takes its toolchain file from the environment.
_CMAKE = (3, 21)
_COMPILERS = ("c++", "g++", "clang++")


def check(recipe: Recipe) -> None:
    """Raises RunError or UsageError for the first that is missing."""
    if find_spec("pip") is None:
        raise RunError("this Python has no pip, which fetches and installs Horovod", hint="python -m ensurepip")
    compiler = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([compiler] if compiler else _COMPILERS)):
        raise RunError(
            f"there is no C++ compiler here: {f'CXX={compiler} is not found' if compiler else ', '.join(_COMPILERS)}",
            hint="install g++ 11 or newer (Debian, Ubuntu: apt-get install build-essential), or name one: CXX=PATH",
        )
    if not shutil.which("make"):
        raise RunError("there is no make here", hint="install it: apt-get install build-essential on Debian, Ubuntu")
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        raise RunError(
            f"Python's headers are not here: {headers / 'Python.h'} is missing",
            hint="install them: apt-get install python3-dev on Debian, Ubuntu",
        )
    if recipe.mpi and not has_mpi():
        raise UsageError(
            "--mpi needs MPI's compiler, mpicxx, and there is none here",
            hint="apt-get install libopenmpi-dev openmpi-bin on Debian, Ubuntu; or leave --mpi out: gloo needs nothing",
        )
    if recipe.nccl:
        _check_cuda(recipe)


def has_mpi() -> bool:
    return shutil.which("mpicxx") is not None


def has_cmake() -> bool:
    """Whether the one on PATH will do; otherwise pip brings one."""
    try:
        told = subprocess.run(["cmake", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    found = re.search(r"version (\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= _CMAKE


def cuda_home() -> Path | None:
    """The CUDA toolkit: the one that is named, or the system's; None where one is on PATH at most."""
    named = os.environ.get("HOROVOD_CUDA_HOME") or os.environ.get("CUDA_HOME")
    home = Path(named or "/usr/local/cuda")
    return home if named or (home / "bin" / "nvcc").exists() else None


def _check_cuda(recipe: Recipe) -> None:
    if recipe.torch.cuda is None:
        raise UsageError(f"--gpu needs a torch that was built for CUDA, and {recipe.torch.version} was not")
    home = cuda_home()
    if not shutil.which("nvcc", path=str(home / "bin") if home else None):
        raise UsageError(
            f"--gpu needs NVIDIA's compiler, nvcc, and there is none {f'in {home}/bin' if home else 'here'}",
            hint=f"install the CUDA toolkit {recipe.torch.cuda}, or name the folder it is in: CUDA_HOME=DIR",
        )
