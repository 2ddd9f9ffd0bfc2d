"""The clusters of a workspace, as `fledge compute` lists them and ensures one."""

import time
from collections.abc import Callable

from fledge import ClusterInfo, Resources, RunError, UsageError

from fledge_azureml.options import AzureMLOptions
from fledge_azureml.planning import cluster_of
from fledge_azureml.request import Cluster
from fledge_azureml.workspace import ClusterState, Workspace

# What can be changed of a cluster that is there, and what never can.
_LIMITS = ("min_nodes", "max_nodes", "idle_seconds")
_FOR_GOOD = ("size", "priority")
READY, BROKEN = "Succeeded", ("Failed", "Canceled", "Deleting")
_PATIENCE = 600.0


def info(one: ClusterState) -> ClusterInfo:
    return ClusterInfo(state=one.state, nodes=one.nodes, busy=one.busy, **one.cluster.model_dump())


def find(name: str, workspace: Workspace) -> ClusterState | None:
    """None where it may be made. Raises UsageError where a compute that is no cluster has the name."""
    # The service does not tell capitals from small letters.
    there = next((one for one in workspace.clusters() if one.cluster.name.lower() == name.lower()), None)
    if there is None:
        workspace.has_cluster(name)
    return there


def ensured(
    options: AzureMLOptions, nodes: int, connect: Callable[[], Workspace], say: Callable[[str], None], pause: float
) -> ClusterState:
    """As `fledge.Clusters.ensure_cluster` says. `connect`, which wants an SDK, is called once the options are known to
    be fine; `pause`: seconds between two looks at one that is not there yet."""
    wanted = cluster_of(options, Resources(processes=nodes, nodes=nodes))
    workspace = connect()
    there = find(wanted.name, workspace)
    if there is None:
        say(f"making {wanted.name}: {words(wanted)}")
        return _ready(workspace.ensure(wanted), workspace, say, pause)
    told = options.model_fields_set
    _check_for_good(there.cluster, wanted, told)
    limits = {name: getattr(wanted, name) for name in _LIMITS if name in told}
    target = there.cluster.model_copy(update=limits)
    if "max_nodes" not in told:
        target = target.model_copy(update={"max_nodes": max(target.max_nodes, target.min_nodes, nodes)})
    if target.min_nodes > target.max_nodes:
        raise UsageError(
            f"{target.name} keeps {target.min_nodes} nodes at all times, and is to have {target.max_nodes} at most",
            hint=f"--set backend.min_nodes={target.max_nodes}",
        )
    changes = [
        f"{name} {before} -> {after}"
        for name in _LIMITS
        if (before := getattr(there.cluster, name)) != (after := getattr(target, name))
    ]
    if changes:
        say(f"{target.name}: {', '.join(changes)}")
        there = workspace.ensure(target)
    return _ready(there, workspace, say, pause)


def _check_for_good(there: Cluster, wanted: Cluster, told: set[str]) -> None:
    for name in _FOR_GOOD:
        has, asked = getattr(there, name), getattr(wanted, name)
        if name in told and has.lower() != asked.lower():
            raise UsageError(
                f"{there.name} has backend.{name} = {has}, which can never be changed, and {asked} is asked for",
                hint=f"another one: --set backend.cluster=NAME; or fledge compute delete {there.name}, and then again",
            )


def _ready(one: ClusterState, workspace: Workspace, say: Callable[[str], None], pause: float) -> ClusterState:
    name, deadline, said = one.cluster.name, time.monotonic() + _PATIENCE, ""
    while one.state != READY:
        if one.state in BROKEN:
            message, hint = broken(one)
            raise RunError(message, hint=hint)
        if time.monotonic() > deadline:
            raise RunError(f"{name} is still {one.state} after {_PATIENCE:g} s", hint="the studio says more")
        if one.state != said:
            say(f"{name}: {one.state}")
            said = one.state
        time.sleep(pause)
        found = find(name, workspace)
        if found is None:
            raise RunError(f"{name} has gone while it was waited for: somebody has deleted it")
        one = found
    return one


def words(cluster: Cluster) -> str:
    return (
        f"{cluster.size}, {cluster.min_nodes} to {cluster.max_nodes} nodes, {cluster.priority}, "
        f"idle ones given back after {cluster.idle_seconds} s"
    )


def broken(one: ClusterState) -> tuple[str, str]:
    """Of one whose state is one of `BROKEN`: what is wrong, and what to do."""
    name = one.cluster.name
    return (
        f"cluster {name} cannot be used: it is {one.state}",
        f"the studio says why, below Compute; fledge compute delete {name} makes room for another",
    )
