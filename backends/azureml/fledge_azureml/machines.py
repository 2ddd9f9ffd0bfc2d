"""What a region has of a kind of machine, and how many of it the subscription may have."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fledge_azureml.request import Cluster

# As the service calls the cores that it counts, in the types of what it tells of them.
_CORES = {"dedicated": "dedicatedcores", "low_priority": "lowprioritycores"}

# Its words for a node with nothing to do, or with which nothing can be done; of any other something is under way.
_RESTS = ("idle", "unusable")


@dataclass(frozen=True)
class Quota:
    """Cores: how many are used, and may be; of a family of machines, or of all that there are."""

    of: str
    used: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True)
class Machines:
    """cores and gpus are one machine's; quotas what holds for it, none where the service does not say."""

    size: str
    cores: int
    gpus: int
    quotas: tuple[Quota, ...] = ()


def machines(
    cluster: Cluster, sizes: Iterable[Mapping[str, Any]], usages: Iterable[Mapping[str, Any]]
) -> Machines | None:
    """Those of a cluster, from what the service tells of all sizes and all usages of a region, in its own JSON. None
    where it has no such size."""
    for one in sizes:
        if str(one.get("name")).lower() == cluster.size.lower():
            quotas = tuple(_quotas(usages, str(one.get("family") or ""), _CORES[cluster.priority]))
            return Machines(str(one["name"]), int(one.get("vCPUs") or 0), int(one.get("gpus") or 0), quotas)
    return None


def busy(nodes: Iterable[Mapping[str, Any]]) -> int:
    """How many of a cluster's nodes work, as the service tells of each in its own JSON."""
    return sum(str(one.get("nodeState")).lower() not in _RESTS for one in nodes)


def _quotas(usages: Iterable[Mapping[str, Any]], family: str, cores: str) -> Iterator[Quota]:
    for one in usages:
        told = one.get("name") or {}
        name, kind = str(told.get("value") or ""), str(one.get("type") or "").lower()
        # A limit below 0 is none.
        if cores not in kind or int(one.get("limit") or 0) < 0:
            continue
        if "/total" in kind or (family and name.lower() == family.lower()):
            yield Quota(str(told.get("localizedValue") or name), int(one.get("currentValue") or 0), int(one["limit"]))
