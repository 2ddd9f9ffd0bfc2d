"""What may be set of the launcher `torchrun`."""

from pydantic import Field

from fledge.interfaces.options import Options


class TorchrunOptions(Options):
    timeout: float = Field(
        600, gt=0, description="seconds that a process waits for the others before the run is taken to hang"
    )
    find_unused_parameters: bool = Field(
        False, description="for a network of which a step may leave a part unused: costs a walk through it every step"
    )
