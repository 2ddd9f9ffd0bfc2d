"""What the core itself offers, found through its entry point like anyone's plugin."""

from fledge.hooks import API_VERSION, Offer, hookimpl

FLEDGE_API = API_VERSION


@hookimpl
def fledge_launchers() -> list[Offer]:
    return [
        Offer("single", "fledge.launchers.single:Single", summary="one process on one machine"),
        Offer(
            "torchrun",
            "fledge.launchers.torchrun:Torchrun",
            "fledge.launchers.options:TorchrunOptions",
            summary="many processes, through torch.distributed",
        ),
    ]
