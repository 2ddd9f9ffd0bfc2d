"""GlooGroup: ranks that agree through torch.distributed."""

import atexit
import os
from datetime import timedelta

import torch
import torch.distributed as dist
from fledge import Group, Parallel, Place
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer


class GlooGroup(Group):
    def __init__(self, place: Place, timeout: float) -> None:
        super().__init__(place)
        meeting = f"tcp://{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        seconds = timedelta(seconds=timeout)
        dist.init_process_group("gloo", meeting, seconds, rank=place.rank, world_size=place.world_size)
        # As torch asks. Threads that outlive it end with the worker, which is not taken apart.
        atexit.register(dist.destroy_process_group)

    def average(self, values: list[float]) -> list[float]:
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return [value / self.world_size for value in total.tolist()]

    def broadcast(self, content: bytes) -> bytes:
        told = [content]
        dist.broadcast_object_list(told, src=0)
        return told[0]

    def barrier(self) -> None:
        dist.barrier()

    def parallel(self, module: nn.Module, optimizer: Optimizer, accumulate: int) -> Parallel:
        tied = DistributedDataParallel(module)
        return Parallel(tied, optimizer, alone=tied.no_sync)
