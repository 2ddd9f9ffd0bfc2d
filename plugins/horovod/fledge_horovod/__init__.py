"""Horovod for fledge. `python -m fledge_horovod.build` builds Horovod for the torch that is here."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_launchers() -> list[Offer]:
    return [
        Offer(
            "horovod",
            "fledge_horovod.launcher:Horovod",
            "fledge_horovod.options:HorovodOptions",
            "many processes, through Horovod over gloo or MPI",
        )
    ]
