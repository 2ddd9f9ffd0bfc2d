"""Clusters: what a backend may be besides, where it runs jobs on clusters that come and go."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterInfo:
    """A cluster now.

    size          the kind of its machines, and
    state         how it stands, both in the service's own words
    nodes         how many machines it has at the moment, between min_nodes and max_nodes, and
    busy          how many of these work for somebody
    idle_seconds  after so long a machine with nothing to do is given back
    priority      whether its machines may be taken away: "dedicated", say, or "low_priority"
    """

    name: str
    size: str
    state: str
    nodes: int
    busy: int
    min_nodes: int
    max_nodes: int
    idle_seconds: int
    priority: str


class Clusters(ABC):
    """A ComputeBackend that is one as well has what `fledge compute` lists, ensures and deletes.

    Its options say which cluster its runs go to, and of what kind. Raises UsageError or RunError, with what to do.
    """

    @abstractmethod
    def clusters(self) -> list[ClusterInfo]:
        """All that there are, whoever made them; sorted by name."""

    @abstractmethod
    def ensure_cluster(self, nodes: int, say: Callable[[str], None]) -> ClusterInfo:
        """Have the cluster that the options name, for runs on so many nodes; returns when it is there.

        One that is missing is made. One that is there keeps what nobody has told (`options.model_fields_set` has what
        was), but has room for so many nodes; what was told and can never be changed, as the kind of its machines,
        raises UsageError. A second call finds nothing left to do.
        `say` is told, a line each, what is done.
        """

    @abstractmethod
    def delete_cluster(self, name: str) -> None:
        """Give it back, and all machines of it; what runs there is lost. Returns when it is gone.

        Harmless where there is no such cluster.
        """
