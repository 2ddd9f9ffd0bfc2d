"""TorchGroup: processes that train together through torch.distributed."""

import atexit
import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from fledge.errors import RunError
from fledge.interfaces.launcher import Group, Parallel, Place
from fledge.launchers.options import TorchrunOptions
from fledge.launchers.synced_batchnorm import SyncedBatchNorm


class TorchGroup(Group):
    """Meets at MASTER_ADDR:MASTER_PORT. Gradients go by NCCL where they are on a GPU, and all else by gloo."""

    def __init__(self, place: Place, options: TorchrunOptions) -> None:
        super().__init__(place)
        self._options = options
        meeting = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        try:
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
                init_method=f"tcp://{meeting}",
                rank=place.rank,
                world_size=place.world_size,
                timeout=timedelta(seconds=options.timeout),
            )
        except dist.DistNetworkError as error:
            if "EADDRINUSE" not in str(error):
                raise
            raise RunError(
                f"the processes cannot meet at {meeting}: another program uses that port",
                hint="try again; or name a free one with the variable MASTER_PORT",
                transient=True,
            ) from None
        # As torch asks. Threads that outlive it end with the worker, which is not taken apart.
        atexit.register(dist.destroy_process_group)

    def average(self, values: list[float]) -> list[float]:
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return [value / self.world_size for value in total.tolist()]

    def broadcast(self, content: bytes) -> bytes:
        size = torch.tensor([len(content)])
        dist.broadcast(size, src=0)
        told = torch.frombuffer(bytearray(content), dtype=torch.uint8) if self.rank == 0 and content else None
        told = torch.empty(int(size), dtype=torch.uint8) if told is None else told
        dist.broadcast(told, src=0)
        return content if self.rank == 0 else told.numpy().tobytes()

    def barrier(self) -> None:
        # Of the CPU: NCCL's would take whatever GPU is current.
        self.average([0.0])

    def parallel(self, module: nn.Module, optimizer: Optimizer, accumulate: int) -> Parallel:
        device = next(module.parameters()).device
        tied = DistributedDataParallel(
            module,
            device_ids=[device.index] if device.type == "cuda" else None,
            gradient_as_bucket_view=True,
            find_unused_parameters=self._options.find_unused_parameters,
        )
        return Parallel(tied, optimizer, alone=tied.no_sync)

    def synchronize_batchnorm(self, module: nn.Module) -> nn.Module:
        if next(module.parameters()).device.type == "cpu":
            return SyncedBatchNorm.convert(module)
        synchronized: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return synchronized
