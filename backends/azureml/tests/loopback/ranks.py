"""The variables by which the service tells a process which rank it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from loopback.ports import free_port

_HOST = "127.0.0.1"
# Azure Batch's own, and no business of the job's.
_BATCH_PORT = 6000


@dataclass(frozen=True)
class Rank:
    number: int
    node: int
    variables: dict[str, str]


def ranks(distribution: Literal["mpi", "pytorch"] | None, nodes: int, per_node: int) -> Iterator[Rank]:
    """One a process of a job, in order."""
    if distribution is None:
        yield Rank(0, 0, {})
        return
    told = _pytorch() if distribution == "pytorch" else _mpi(nodes)
    # All nodes are this machine, whose own name may lead nowhere.
    told["GLOO_SOCKET_IFNAME"] = "lo"
    for number in range(nodes * per_node):
        node, local = divmod(number, per_node)
        own = {"RANK": number, "LOCAL_RANK": local, "WORLD_SIZE": nodes * per_node, "NODE_RANK": node}
        if distribution == "mpi":
            own = {"RANK": number, "LOCAL_RANK": local, "SIZE": nodes * per_node, "LOCAL_SIZE": per_node}
            own = {f"OMPI_COMM_WORLD_{name}": value for name, value in own.items()}
        yield Rank(number, node, told | {name: str(value) for name, value in own.items()})


def _pytorch() -> dict[str, str]:
    return {"MASTER_ADDR": _HOST, "MASTER_PORT": str(free_port())}


def _mpi(nodes: int) -> dict[str, str]:
    told = {"AZ_BATCHAI_MPI_MASTER_NODE": _HOST}
    return told | ({"AZ_BATCH_MASTER_NODE": f"{_HOST}:{_BATCH_PORT}"} if nodes > 1 else {})
