"""Place: which of the job's ranks this process is, as the service's variables have it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from fledge_azureml_node.trouble import NotReadyError

# The service gives ranks under MPI an address to meet at, and no port. Below those that systems hand out by themselves.
_PORTS = range(20_000, 30_000)


@dataclass(frozen=True)
class Place:
    """address and port are where the ranks meet: on the machine of rank 0."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    local_world_size: int = 1
    node: int = 0
    address: str = ""
    port: int = 0

    @classmethod
    def of(cls, told: Mapping[str, str], processes_per_node: int) -> "Place":
        """Alone where the variables name no rank. Raises NotReadyError where they name one and not the rest."""
        try:
            return cls._of(told, processes_per_node)
        except (KeyError, ValueError) as error:
            raise NotReadyError(f"the service names a rank, and does not tell the rest of it: {error}") from None

    @classmethod
    def _of(cls, told: Mapping[str, str], processes_per_node: int) -> "Place":
        if "OMPI_COMM_WORLD_RANK" in told:
            rank, local_rank, world_size, local_world_size = (
                int(told[f"OMPI_COMM_WORLD_{name}"]) for name in ("RANK", "LOCAL_RANK", "SIZE", "LOCAL_SIZE")
            )
            address = told.get("MASTER_ADDR") or _mpi_master(told)
            port = int(told.get("MASTER_PORT") or _port(told["AZUREML_RUN_ID"]))
        elif "RANK" in told:
            rank, local_rank, world_size = (int(told[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
            local_world_size = processes_per_node
            address, port = told["MASTER_ADDR"], int(told["MASTER_PORT"])
        else:
            return cls()
        return cls(rank, local_rank, world_size, local_world_size, rank // local_world_size, address, port)

    @property
    def variables(self) -> dict[str, str]:
        """As torchrun has them, and fledge's launchers read them; none for one that is alone."""
        if not self.address:
            return {}
        return {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "WORLD_SIZE": str(self.world_size),
            "LOCAL_WORLD_SIZE": str(self.local_world_size),
            "NODE_RANK": str(self.node),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }


def _mpi_master(told: Mapping[str, str]) -> str:
    if "AZ_BATCH_MASTER_NODE" in told:
        # The port behind it is Azure Batch's own.
        return told["AZ_BATCH_MASTER_NODE"].partition(":")[0]
    return told["AZ_BATCHAI_MPI_MASTER_NODE"]


def _port(name: str) -> int:
    """The same on every node, and mostly not the same for two jobs."""
    return _PORTS[int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % len(_PORTS)]
