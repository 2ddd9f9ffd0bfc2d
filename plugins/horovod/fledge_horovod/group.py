"""HorovodGroup: processes that train together through Horovod."""

import atexit
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from fledge import Group, Parallel, Place, RunError, SpecError
from torch import nn
from torch.optim import Optimizer

from fledge_horovod.channels_last import ChannelsLast
from fledge_horovod.installed import BUILD
from fledge_horovod.meeting import tell
from fledge_horovod.options import HorovodOptions

# What is left to wait for at a step's end is a millisecond's work.
_POLL_SECONDS = 0.0002


class HorovodGroup(Group):
    """Meets at MASTER_ADDR:MASTER_PORT through gloo, or as MPI has it.

    Raises RunError where Horovod has met others than those of the place, or none.
    """

    def __init__(self, place: Place, options: HorovodOptions) -> None:
        super().__init__(place)
        self._timeout = options.timeout
        if not options.mpi:
            tell(place, options.timeout)
        # Imported late: it reads the variables.
        import horovod.torch as hvd

        self._hvd: Any = hvd
        hvd.init()
        atexit.register(hvd.shutdown)
        if (hvd.rank(), hvd.size()) != (place.rank, place.world_size):
            # Each would train alone, and what they come to would be no mean of anything.
            raise RunError(
                f"rank {place.rank} of {place.world_size} is rank {hvd.rank()} of {hvd.size()} to Horovod, which was "
                + ("built for another MPI than this mpirun's" if hvd.mpi_built() else "built without MPI"),
                hint=f"build it for this one: {BUILD} --mpi --force; or leave launcher.mpi out",
            )
        self._tied: Any = None

    def average(self, values: list[float]) -> list[float]:
        told = torch.tensor(values, dtype=torch.float64)
        return [float(value) for value in self._done(self._hvd.allreduce_async(told, op=self._hvd.Average)).tolist()]

    def broadcast(self, content: bytes) -> bytes:
        size = int(self._done(self._hvd.broadcast_async(torch.tensor([len(content)]), 0)))
        if size == 0:
            return b""
        told = torch.frombuffer(bytearray(content if self.rank == 0 else bytes(size)), dtype=torch.uint8)
        told = self._done(self._hvd.broadcast_async(told, 0))
        return content if self.rank == 0 else told.numpy().tobytes()

    def barrier(self) -> None:
        self.average([0.0])

    def parallel(self, module: nn.Module, optimizer: Optimizer, accumulate: int) -> Parallel:
        """Raises SpecError for parameters that Horovod's collectives do not take."""
        named = [(name, one) for name, one in module.named_parameters() if one.requires_grad]
        refused = [name for name, one in named if one.dtype == torch.bfloat16]
        if refused:
            raise SpecError(
                f"Horovod averages no bfloat16 gradients, and the model's parameter {refused[0]!r} has such",
                hint="keep the weights in float32 (mixed precision does), or choose --launcher torchrun",
            )
        if self._tied is not None:
            # A phase before this one: its hooks would go on averaging, and only its hold on them keeps them.
            self._tied._grad_accs.clear()
        self._share(module)
        tied = self._hvd.DistributedOptimizer(
            optimizer, named_parameters=named, compression=ChannelsLast, backward_passes_per_step=accumulate
        )
        self._tied = tied

        @contextmanager
        def averaged() -> Iterator[None]:
            self._wait(handle for handle, _ in tied._handles.values() if handle is not None)
            tied.synchronize()
            with tied.skip_synchronize():
                yield

        return Parallel(module, tied, averaged=averaged)

    def _done(self, handle: int) -> torch.Tensor:
        self._wait([handle])
        told: torch.Tensor = self._hvd.synchronize(handle)
        return told

    def _wait(self, handles: Iterable[int]) -> None:
        """Until they are done. Horovod's own check of ranks that stall finds none whose tensors it has cached."""
        deadline = time.monotonic() + self._timeout
        for handle in handles:
            while not self._hvd.poll(handle):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"timed out: another process did not come within {self._timeout:g} s")
                time.sleep(_POLL_SECONDS)

    def _share(self, module: nn.Module) -> None:
        """Have every process hold rank 0's weights and buffers."""
        tensors = module.state_dict()
        # Copies, where the channels come last: Horovod takes nothing else.
        copies = {name: tensor.contiguous() for name, tensor in tensors.items()}
        self._hvd.broadcast_parameters(copies, root_rank=0)
        for name, tensor in tensors.items():
            tensor.copy_(copies[name])
