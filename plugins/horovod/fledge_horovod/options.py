"""What may be set."""

from fledge import Options
from pydantic import Field


class HorovodOptions(Options):
    mpi: bool = Field(False, description="start the processes with mpirun and let MPI carry their gradients")
    timeout: float = Field(
        600, gt=0, description="seconds that a process waits for the others before the run is taken to hang"
    )
