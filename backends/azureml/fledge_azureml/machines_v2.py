"""Machines and environments of a workspace by Microsoft's SDK v2: WorkspaceV2's part of clusters and inspections."""

import re
import time
from contextlib import suppress
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, Environment
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from fledge_azureml import patience_v2
from fledge_azureml.machines import Machines, busy, machines
from fledge_azureml.refusal import no_cluster
from fledge_azureml.request import Cluster
from fledge_azureml.request import Environment as Wanted
from fledge_azureml.workspace import ClusterState

_MADE = ("Succeeded", "Failed", "Canceled")
_POLL_SECONDS = 2.0


def clusters(client: MLClient) -> list[ClusterState]:
    return [state(client, one) for one in client.compute.list() if isinstance(one, AmlCompute)]


def state(client: MLClient, found: AmlCompute) -> ClusterState:
    cluster = Cluster(
        name=found.name,
        size=found.size or "",
        min_nodes=found.min_instances or 0,
        max_nodes=found.max_instances or 0,
        idle_seconds=int(found.idle_time_before_scale_down or 0),
        priority="low_priority" if found.tier == "low_priority" else "dedicated",
    )
    told = _word(found)
    # One that is not there yet has none to be asked about. They have the service's own names, as the SDK leaves them.
    nodes = list(map(vars, client.compute.list_nodes(cluster.name))) if told == "Succeeded" else []
    return ClusterState(cluster, told, len(nodes), busy(nodes))


def found(client: MLClient, name: str) -> Any:
    """None where there is none. Raises UsageError for a compute of another kind."""
    try:
        there = client.compute.get(name)
    except ResourceNotFoundError:
        return None
    if not isinstance(there, AmlCompute):
        raise no_cluster(name)
    return there


def ensure(client: MLClient, cluster: Cluster) -> ClusterState:
    """As `Workspace.ensure`."""
    there = found(client, cluster.name)
    try:
        begun = client.compute.begin_create_or_update(wanted(cluster, there))
        return state(client, patience_v2.outcome(begun, f"the cluster {cluster.name} is not there"))
    except HttpResponseError:
        # Somebody else may make it at the same moment.
        made = _settled(client, cluster.name) if there is None else None
        if made is None or _word(made) != "Succeeded":
            raise
        return state(client, made)


def delete(client: MLClient, name: str) -> None:
    with suppress(ResourceNotFoundError):
        patience_v2.outcome(client.compute.begin_delete(name), f"the cluster {name} is still there")


def wanted(cluster: Cluster, there: AmlCompute | None = None) -> AmlCompute:
    """What is asked for; where it is there, as it is but for its limits."""
    if there is not None:
        # The SDK makes one up of a cluster in no network, and then cannot send it.
        if there.network_settings and not there.network_settings.subnet:
            there.network_settings = None
        there.min_instances, there.max_instances = cluster.min_nodes, cluster.max_nodes
        there.idle_time_before_scale_down = cluster.idle_seconds
        return there
    return AmlCompute(
        name=cluster.name,
        size=cluster.size,
        min_instances=cluster.min_nodes,
        max_instances=cluster.max_nodes,
        idle_time_before_scale_down=cluster.idle_seconds,
        tier=cluster.priority,
    )


def offered(client: MLClient, cluster: Cluster) -> Machines | None:
    # Their classes leave out what they are not told, and have the service's own names for what they are.
    sizes, usages = client.compute.list_sizes(), client.compute.list_usage()
    return machines(cluster, map(vars, sizes), list(map(vars, usages)))


def knows_environment(client: MLClient, name: str) -> bool:
    told = re.fullmatch(r"([^:@]+)(?::(.+)|@(.+))?", name)
    assert told is not None
    version, label = told[2], told[3] or (None if told[2] else "latest")
    try:
        client.environments.get(told[1], version, label)
    except (ResourceNotFoundError, ValidationException):
        # The second where no version has the label.
        return False
    return True


def environment(wanted: Wanted) -> Environment | str:
    """As a job or a deployment names it."""
    if wanted.name is None:
        return Environment(image=wanted.image, conda_file=wanted.conda)
    # Without "azureml:" before it, which the SDK takes for a part of the name where there is a label.
    return wanted.name if re.search(r"[:@]", wanted.name) else f"{wanted.name}@latest"


def _settled(client: MLClient, name: str) -> Any:
    """The cluster, once nobody works at it any longer; None where there is none."""
    deadline = time.monotonic() + patience_v2.SECONDS
    while (there := found(client, name)) is not None and _word(there) not in _MADE and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return there


def _word(there: Any) -> str:
    word = there.provisioning_state
    return str(getattr(word, "value", word) or "")
