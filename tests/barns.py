"""Clusters that are kept in this process, for all who are made in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from fledge import ClusterInfo, Clusters, Options, UsageError


class BarnOptions(Options):
    cluster: str = "barn"
    size: str = "small"
    idle_seconds: int = 600


class Barns(Clusters):
    there: ClassVar[dict[str, ClusterInfo]] = {}

    def __init__(self, options: BarnOptions) -> None:
        self.options = options

    def clusters(self) -> list[ClusterInfo]:
        return sorted(self.there.values(), key=lambda one: one.name)

    def ensure_cluster(self, nodes: int, say: Callable[[str], None]) -> ClusterInfo:
        name, size, idle = self.options.cluster, self.options.size, self.options.idle_seconds
        had = self.there.get(name)
        if had is None:
            wanted = ClusterInfo(name, size, "Steady", 0, 0, 0, max(nodes, 2), idle, "dedicated")
        else:
            told = self.options.model_fields_set
            if "size" in told and size != had.size:
                raise UsageError(f"{name} is of {had.size}")
            idle = idle if "idle_seconds" in told else had.idle_seconds
            wanted = replace(had, max_nodes=max(nodes, had.max_nodes), idle_seconds=idle)
        if wanted != had:
            say(f"{name}: {wanted}")
            self.there[name] = wanted
        return wanted

    def delete_cluster(self, name: str) -> None:
        self.there.pop(name, None)
