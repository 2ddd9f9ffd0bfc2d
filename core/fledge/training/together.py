"""What the processes of one training do together, so that each has the same numbers."""

import json
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

import torch
from safetensors.torch import load, save
from torch import nn

from fledge.errors import RunError
from fledge.interfaces.launcher import Group
from fledge.training.checkpoint_store import Checkpoint, CheckpointStore
from fledge.training.running import Running


def sums(group: Group, values: Iterable[float]) -> list[float]:
    """Each value, summed over all processes."""
    return [mean * group.world_size for mean in group.average(list(values))]


def hand_over(group: Group, running: Running) -> None:
    """Have rank 0 hold what all have run up so far, and the others nothing."""
    loss, hits = sums(group, running.totals())
    first = group.rank == 0
    running.hand_over(loss if first else 0.0, round(hits) if first else 0)


@torch.no_grad()
def share_buffers(group: Group, module: nn.Module) -> None:
    """Give every process rank 0's: batch-norm statistics, which each has of its own samples."""
    if group.world_size == 1:
        return
    buffers = dict(module.named_buffers())
    told = load(group.broadcast(save({name: one.cpu().contiguous() for name, one in buffers.items()})))
    for name, one in buffers.items():
        one.copy_(told[name])


def newest_checkpoint(group: Group, store: CheckpointStore, warn: Callable[[str], None]) -> Checkpoint | None:
    """Rank 0's newest checkpoint, on every process: the others may be on machines that have never seen its folder."""
    if group.world_size == 1:
        return store.newest(warn)
    found = store.newest(warn) if group.rank == 0 else None
    header = {"folder": str(found.folder), "told": found.told} if found else None
    header = json.loads(group.broadcast(json.dumps(header).encode()))
    if header is None:
        return None
    tensors = group.broadcast(save(dict(found.tensors)) if found else b"")
    return found or Checkpoint(Path(header["folder"]), load(tensors), header["told"])


def check_alike(group: Group, packages: Iterable[str]) -> None:
    """Raises RunError where a process runs on other versions than rank 0: they would train apart, or not at all."""
    if group.world_size == 1:
        return
    mine = {"Python": python_version(), **{name: _version(name) for name in packages}}
    first: dict[str, str] = json.loads(group.broadcast(json.dumps(mine).encode()))
    apart = [f"{name} {first[name]} on rank 0 and {mine[name]} here" for name in mine if mine[name] != first[name]]
    if apart:
        raise RunError(
            f"rank {group.rank} cannot train with the others: {'; '.join(apart)}",
            hint="install the same versions on every node",
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        # Torchvision is for those models that use it.
        return "none"
