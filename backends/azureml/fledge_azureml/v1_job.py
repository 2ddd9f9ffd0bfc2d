"""A request as SDK v1 words it, and a cluster the other way."""

import json
import tempfile
from pathlib import Path
from typing import Any

from fledge_azureml.asking import folder
from fledge_azureml.machines import busy
from fledge_azureml.planning import NODE_PROGRAM
from fledge_azureml.request import AzureRequest, Cluster
from fledge_azureml.request import Environment as Wanted
from fledge_azureml.v1_sdk import (
    AmlCompute,
    DataReferenceConfiguration,
    DockerConfiguration,
    Environment,
    MpiConfiguration,
    PyTorchConfiguration,
    ScriptRunConfig,
)
from fledge_azureml.workspace import ClusterState, Submission

STORE = "workspaceblobstore"
# The node program as a file, below the uploaded folder.
SCRIPT = f"{NODE_PROGRAM}/script.py"
_PRIORITIES = {"dedicated": "dedicated", "low_priority": "lowpriority"}


def configuration(submission: Submission, environment: Any) -> Any:
    """What is submitted, or of a sweep what each trial is as: a ScriptRunConfig."""
    request = submission.request
    made = ScriptRunConfig(
        str(submission.code),
        # To a command HyperDrive tells no values.
        **({"script": SCRIPT} if request.search else {"command": request.command}),
        compute_target=request.cluster.name,
        environment=environment,
        distributed_job_config=_distribution(request),
        docker_runtime_config=DockerConfiguration(use_docker=True),
    )
    told = made.run_config
    told.node_count = request.nodes
    told.environment_variables = dict(request.environment_variables)
    mounted = {"kept": folder(submission.run)} | ({"data": submission.data} if submission.data else {})
    told.data_references = {
        name: DataReferenceConfiguration(STORE, mode="mount", path_on_datastore=path) for name, path in mounted.items()
    }
    return made


def _distribution(request: AzureRequest) -> Any:
    if request.distribution is None:
        return None
    each = request.distribution.processes_per_node
    if request.distribution.kind == "mpi":
        return MpiConfiguration(process_count_per_node=each, node_count=request.nodes)
    # Here it is the total.
    return PyTorchConfiguration(process_count=each * request.nodes, node_count=request.nodes)


def environment(wanted: Wanted) -> Any:
    if wanted.conda is None:
        made = Environment("fledge")
        made.python.user_managed_dependencies = True
    else:
        with tempfile.TemporaryDirectory() as place:
            file = Path(place, "conda.yml")
            file.write_text(json.dumps(wanted.conda))
            made = Environment.from_conda_specification("fledge", str(file))
    made.docker.base_image = wanted.image
    # It begins with an example.
    made.environment_variables = {}
    return made


def provisioning(cluster: Cluster) -> Any:
    return AmlCompute.provisioning_configuration(
        vm_size=cluster.size,
        vm_priority=_PRIORITIES[cluster.priority],
        min_nodes=cluster.min_nodes,
        max_nodes=cluster.max_nodes,
        idle_seconds_before_scaledown=cluster.idle_seconds,
    )


def cluster_state(found: Any) -> ClusterState:
    limits = found.scale_settings
    cluster = Cluster(
        name=found.name,
        size=found.vm_size,
        min_nodes=limits.minimum_node_count,
        max_nodes=limits.maximum_node_count,
        idle_seconds=int(limits.idle_seconds_before_scaledown),
        priority="low_priority" if found.vm_priority.lower() == "lowpriority" else "dedicated",
    )
    # One that is not there yet has none to be asked about.
    nodes = found.list_nodes() if found.provisioning_state == "Succeeded" else []
    return ClusterState(cluster, found.provisioning_state, len(nodes), busy(nodes))
