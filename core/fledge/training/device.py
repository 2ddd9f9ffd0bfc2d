"""Which device trains, and how it is made to give the same answer twice."""

import os

import torch

from fledge.errors import SpecError
from fledge.interfaces.launcher import ALONE, Place
from fledge.spec.training import TrainingSpec


def choose_device(training: TrainingSpec, place: Place = ALONE) -> torch.device:
    """Each process of a node has a GPU of its own.

    Raises SpecError where this machine has no such device, or one that cannot do what is asked of it.
    """
    device = _find(training.device)
    if device.type == "cuda" and place.world_size > 1:
        if place.local_rank >= torch.cuda.device_count():
            raise SpecError(
                f"there are more processes on this node than its {torch.cuda.device_count()} GPUs",
                hint="lower launcher.processes, or take more nodes; training.device = 'cpu' needs no GPU",
            )
        device = torch.device("cuda", place.local_rank)
        torch.cuda.set_device(device)
    if training.cuda_graphs and device.type != "cuda":
        raise SpecError(
            f"training.cuda_graphs = true: CUDA graphs run on an NVIDIA GPU, and this training on {device.type}",
            hint="leave it out; training.compile works on every device",
        )
    return device


def _find(wanted: str) -> torch.device:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, present in there.items() if present))
    if not there[wanted]:
        found = ", ".join(name for name, present in there.items() if present)
        raise SpecError(
            f"training.device = {wanted!r}: torch {torch.__version__} finds no such device here",
            hint=f"there is: {found}; 'auto' takes the best of them",
        )
    return torch.device(wanted)


def make_deterministic() -> None:
    """Choose kernels that give equal results for equal input; one that has no such form warns and runs."""
    # cuBLAS reads this when it starts; without it, its results may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
