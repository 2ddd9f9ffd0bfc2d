"""GlooGroup: ranks that agree through torch.distributed."""

import atexit
import os

import torch
import torch.distributed as dist
from fledge import Group


class GlooGroup(Group):
    def __init__(self) -> None:
        self._rank, self._size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        meeting = f"file://{os.environ['RENDEZVOUS']}"
        dist.init_process_group("gloo", init_method=meeting, rank=self._rank, world_size=self._size)
        # Its threads must not be running while the process is taken apart.
        atexit.register(dist.destroy_process_group)

    @property
    def rank(self) -> int:
        return self._rank

    @property
    def world_size(self) -> int:
        return self._size

    def average(self, values: list[float]) -> list[float]:
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return [value / self._size for value in total.tolist()]

    def broadcast(self, values: list[float]) -> list[float]:
        told = torch.tensor(values, dtype=torch.float64)
        dist.broadcast(told, src=0)
        return [float(value) for value in told.tolist()]

    def barrier(self) -> None:
        dist.barrier()
