"""Where Horovod's processes meet, told to it in the variables that `horovodrun` would set."""

import os
import socket
import threading
import time

import psutil
from fledge import Place, RunError

_POLL_SECONDS = 0.1


def tell(place: Place, timeout: float) -> None:
    """Set Horovod's variables for this process; rank 0 opens the meeting place, the others wait until it is open.

    Reads MASTER_ADDR, MASTER_PORT and LOCAL_WORLD_SIZE. Raises RunError where the port is taken, or nobody opens it.
    """
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    local_size = int(os.environ["LOCAL_WORLD_SIZE"])
    if place.rank == 0:
        _open(port, place.world_size, local_size)
    else:
        _wait(address, port, timeout)
    told = {
        "HOSTNAME": f"node{place.rank // local_size}",
        "RANK": place.rank,
        "SIZE": place.world_size,
        "LOCAL_RANK": place.local_rank,
        "LOCAL_SIZE": local_size,
        "CROSS_RANK": place.rank // local_size,
        "CROSS_SIZE": place.world_size // local_size,
        "CONTROLLER": "gloo",
        "CPU_OPERATIONS": "gloo",
        "GLOO_RENDEZVOUS_ADDR": address,
        "GLOO_RENDEZVOUS_PORT": port,
        "GLOO_IFACE": _interface(address, port),
        "GLOO_TIMEOUT_SECONDS": round(timeout) or 1,
        "STALL_CHECK_TIME_SECONDS": max(1, round(timeout / 2)),
        "STALL_SHUTDOWN_TIME_SECONDS": max(2, round(timeout)),
    }
    os.environ.update({f"HOROVOD_{name}": str(value) for name, value in told.items()})


def _open(port: int, world_size: int, local_size: int) -> None:
    from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
    from horovod.runner.http.http_server import RendezvousHandler, RendezvousHTTPServer

    try:
        server = RendezvousHTTPServer(("", port), RendezvousHandler, 0)
    except OSError:
        raise RunError(
            f"the processes cannot meet at port {port}: another program uses it",
            hint="try again; or name a free one with the variable MASTER_PORT",
            transient=True,
        ) from None
    # So that it knows when all have read what one is done with.
    nodes = ",".join(f"node{number}:{local_size}" for number in range(world_size // local_size))
    server.init(get_host_assignments(parse_hosts(nodes), world_size))
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _wait(address: str, port: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise RunError(
                    f"rank 0 has opened no meeting place at {address}:{port} within {timeout:g} s", transient=True
                ) from None
        time.sleep(_POLL_SECONDS)


def _interface(address: str, port: int) -> str:
    """The network interface by which the meeting place is reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Sends nothing: it has the system choose the way.
        probe.connect((address, port))
        own: str = probe.getsockname()[0]
    for name, addresses in psutil.net_if_addrs().items():
        if own in {one.address for one in addresses}:
            return str(name)
    raise RunError(f"no network interface of this machine has the address {own}, by which {address} is reached")
