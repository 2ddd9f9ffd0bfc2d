"""Torch, as it is installed here, told without importing it, which takes seconds."""

import runpy
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fledge import RunError


@dataclass(frozen=True)
class TorchHere:
    """version: as `torch.__version__` says it, "2.15.0+cpu"; cuda: the CUDA release it was built for, or None."""

    version: str
    cuda: str | None


def torch_here() -> TorchHere:
    """Raises RunError where this Python has no torch."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        raise RunError("there is no torch in this Python", hint="install it first: pip install torch torchvision")
    told = runpy.run_path(str(Path(spec.origin).parent / "version.py"))
    return TorchHere(str(told["__version__"]), told.get("cuda"))
