"""Room: what a job asks of the nodes of a cluster, and what they have."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from fledge import Resources, UsageError

_KINDS = ("CPU", "GPU")


@dataclass(frozen=True)
class Room:
    """What each of `nodes` nodes must have, by Ray's names."""

    nodes: int
    bundle: dict[str, float]

    @classmethod
    def of(cls, resources: Resources, cpus: float, gpus: float) -> "Room":
        each = resources.processes // resources.nodes
        return cls(resources.nodes, {"CPU": cpus * each, "GPU": gpus * each})

    def check(self, cluster: list[dict[str, Any]]) -> None:
        """Raises UsageError where the cluster, empty, could not run it."""
        fit = [node for node in cluster if all(total(node, kind) >= self.bundle[kind] for kind in _KINDS)]
        if len(fit) < self.nodes:
            raise UsageError(
                f"the run asks for {_nodes(self.nodes)} x {_amounts(self.bundle)}, and the cluster has {told(cluster)}",
                hint="--set launcher.processes=N, launcher.nodes=N, backend.cpus=N or backend.gpus=N asks for less",
            )


def told(cluster: list[dict[str, Any]]) -> str:
    """Such as "2 nodes x 1 CPU"."""
    kinds = Counter(_amounts({kind: total(node, kind) for kind in _KINDS}) for node in cluster)
    return " and ".join(f"{_nodes(count)} x {what}" for what, count in sorted(kinds.items())) or "no nodes"


def total(node: dict[str, Any], kind: str) -> float:
    return float((node.get("resources_total") or {}).get(kind, 0.0))


def _nodes(count: int) -> str:
    return f"{count} node{'s' if count != 1 else ''}"


def _amounts(of: dict[str, float]) -> str:
    kinds = [kind for kind in _KINDS if of[kind] or kind == "CPU"]
    return " + ".join(f"{of[kind]:g} {kind}{'s' if of[kind] != 1 else ''}" for kind in kinds)
