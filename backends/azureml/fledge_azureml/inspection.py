"""What the workspace says to a request before it is sent: its cluster, the quota for it, its environment."""

from collections.abc import Iterator

from fledge import Finding

from fledge_azureml import facts
from fledge_azureml.clusters import BROKEN, READY, broken, find, words
from fledge_azureml.machines import Machines
from fledge_azureml.request import AzureRequest, Cluster
from fledge_azureml.workspace import ClusterState, Workspace

_MORE_QUOTA = "ask for more in the studio (Quota), or for less: --set backend.size=SIZE, --nodes N"


def inspect(request: AzureRequest, workspace: Workspace) -> Iterator[Finding]:
    """Asks, and changes nothing."""
    wanted = request.cluster
    there = find(wanted.name, workspace)
    place = request.workspace
    yield Finding("ok", f"workspace {place.workspace_name} of {place.resource_group} answers")
    if there is None:
        yield Finding("ok", f"cluster {wanted.name} would be made: {words(wanted)}")
        if wanted.priority == "low_priority":
            yield Finding("warning", "low-priority machines may be refused", facts.LOW_PRIORITY_NOTE)
        found = workspace.machines(wanted)
        yield from _room(wanted, request.nodes, found)
        yield from _crowded(wanted, request, found, "another size: --set backend.size=SIZE")
    else:
        yield from _as_it_is(there, request)
        found, missing = workspace.machines(there.cluster), request.nodes - there.nodes
        yield from _crowded(there.cluster, request, found, "another cluster: --set backend.cluster=NAME")
        if missing > 0 and request.nodes <= there.cluster.max_nodes:
            yield from _room(there.cluster, missing, found)
    yield _environment(request, workspace)


def _as_it_is(there: ClusterState, request: AzureRequest) -> Iterator[Finding]:
    has, wanted = there.cluster, request.cluster
    yield Finding("ok", f"cluster {has.name} is there: {words(has)}; now {there.nodes}, of which {there.busy} work")
    if there.state in BROKEN:
        yield Finding("error", *broken(there))
    elif there.state != READY:
        yield Finding("warning", f"cluster {has.name} is {there.state}: the run would wait for it")
    if request.nodes > has.max_nodes:
        yield Finding(
            "error",
            f"the run asks for {request.nodes} nodes, and cluster {has.name} never has more than {has.max_nodes}",
            f"fledge compute ensure, with the same spec and --set backend.max_nodes={request.nodes}",
        )
    elif there.busy and has.max_nodes - there.busy < request.nodes:
        yield Finding("warning", f"{there.busy} of {has.max_nodes} nodes work for others: the run would wait its turn")
    yield from _otherwise(has, wanted)


def _otherwise(has: Cluster, wanted: Cluster) -> Iterator[Finding]:
    for name in ("size", "priority"):
        if getattr(has, name).lower() != getattr(wanted, name).lower():
            yield Finding(
                "warning",
                f"cluster {has.name} is used as it is, with {name} {getattr(has, name)}: "
                f"backend.{name} = {getattr(wanted, name)} has no effect",
                f"--set backend.{name}={getattr(has, name)}, or another cluster: --set backend.cluster=NAME",
            )


def _crowded(cluster: Cluster, request: AzureRequest, found: Machines | None, other: str) -> Iterator[Finding]:
    """`found`: what the region has of them, which a cluster that is there may have outlived."""
    each = request.distribution.processes_per_node if request.distribution else 1
    known = found or facts.size_named(cluster.size)
    if known and known.gpus and each > known.gpus:
        yield Finding(
            "error",
            f"{each} processes on a node want a GPU each, and a {cluster.size} of cluster {cluster.name} has "
            f"{known.gpus}",
            f"more nodes: --nodes N, or {other}",
        )


def _room(cluster: Cluster, nodes: int, found: Machines | None) -> Iterator[Finding]:
    """`nodes`: so many more are needed."""
    if found is None:
        yield Finding(
            "error",
            f"the workspace's region has no {cluster.size} for clusters",
            f"--set backend.size=SIZE: by default {facts.DEFAULT_SIZE}",
        )
        return
    cores = nodes * found.cores
    if not found.quotas:
        yield Finding("ok", f"{nodes} x {found.size} take {cores} cores; the service does not say what the quota is")
    for quota in found.quotas:
        told = f"quota, {quota.of}: {quota.left} of {quota.limit} cores are left"
        if quota.left < cores:
            yield Finding("error", f"{told}, and {nodes} x {found.size} take {cores}", _MORE_QUOTA)
        else:
            yield Finding("ok", f"{told}; {nodes} x {found.size} take {cores}")


def _environment(request: AzureRequest, workspace: Workspace) -> Finding:
    wanted = request.environment
    if wanted.name is None:
        return Finding("ok", f"environment: built of {wanted.image} when it is first needed, which takes minutes")
    if wanted.name.startswith("azureml://"):
        return Finding("ok", f"environment: {wanted.name}, of a registry, which is not asked")
    if workspace.knows_environment(wanted.name):
        return Finding("ok", f"environment {wanted.name} is known to the workspace")
    return Finding(
        "error",
        f"the workspace knows no environment {wanted.name}",
        "the studio lists them, below Environments; or leave backend.environment out, and one is built",
    )
