"""Endpoints of a workspace by Microsoft's SDK v2: WorkspaceV2's part of a deployment."""

from contextlib import suppress
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from fledge import RunError, UsageError

from fledge_azureml.deployment import SCRIPT
from fledge_azureml.deployment_request import DeploymentRequest
from fledge_azureml.machines_v2 import environment
from fledge_azureml.patience_v2 import outcome
from fledge_azureml.quiet_v2 import uploading
from fledge_azureml.workspace import Answering, KnownModel

_ALL = 100
_LINES = 40
# One picture of the largest takes a slow machine some seconds, and a model is opened and tried out once.
_ANSWER_MS = 60_000
# Twice so many may be asking a machine at a time, and whoever else asks is turned away; left out, it is one.
_AT_ONCE = 8
# A machine is to be had, and an image may have to be built.
_DEPLOYING_SECONDS = 3600
_PATIENCE = ProbeSettings(initial_delay=10, period=10, timeout=10, failure_threshold=30)


def ensure(client: MLClient, request: DeploymentRequest) -> None:
    with suppress(ResourceNotFoundError):
        there = client.online_endpoints.get(request.endpoint)
        if there.auth_mode != "key":
            raise UsageError(
                f"the endpoint {request.endpoint} is there already, and is no one of keys: {there.auth_mode}",
                hint="take another: --name NAME",
            )
        return
    made = ManagedOnlineEndpoint(name=request.endpoint, auth_mode="key", tags=request.tags)
    outcome(client.online_endpoints.begin_create_or_update(made), f"the endpoint {request.endpoint} is not there")


def deploy(client: MLClient, request: DeploymentRequest, model: KnownModel, code: Path) -> None:
    wanted = ManagedOnlineDeployment(
        name=request.deployment,
        endpoint_name=request.endpoint,
        model=f"azureml:{model.name}:{model.version}",
        code_configuration=CodeConfiguration(code=str(code), scoring_script=SCRIPT),
        environment=environment(request.environment),
        environment_variables=request.environment_variables,
        instance_type=request.instance_type,
        instance_count=request.instance_count,
        request_settings=OnlineRequestSettings(
            request_timeout_ms=_ANSWER_MS, max_concurrent_requests_per_instance=_AT_ONCE
        ),
        readiness_probe=_PATIENCE,
        liveness_probe=_PATIENCE,
        tags=request.tags,
    )
    try:
        with uploading():
            begun = client.online_deployments.begin_create_or_update(wanted)
        outcome(begun, f"the deployment {request.deployment} is not there", _DEPLOYING_SECONDS)
    except HttpResponseError as error:
        said = _log(client, request)
        if not said:
            raise
        raise RunError(
            f"the model does not come to answer at {request.endpoint}: {error.message}; its log ends:\n{said}",
            hint=_advice(client, request),
        ) from None


def switch(client: MLClient, request: DeploymentRequest) -> Answering:
    """All traffic to the deployment."""
    endpoint = client.online_endpoints.get(request.endpoint)
    # Also those that have had no traffic for long.
    there = (str(one.name) for one in client.online_deployments.list(request.endpoint))
    others = tuple(sorted(name for name in there if name != request.deployment))
    endpoint.traffic = {request.deployment: _ALL}
    told = outcome(
        client.online_endpoints.begin_create_or_update(endpoint), f"{request.endpoint} has no traffic for it yet"
    )
    return Answering(str(told.scoring_uri or endpoint.scoring_uri), others)


def _advice(client: MLClient, request: DeploymentRequest) -> str:
    """Of one that has failed: what it leaves to whoever asks there, and how to be rid of it."""
    traffic = client.online_endpoints.get(request.endpoint).traffic or {}
    if traffic.get(request.deployment):
        return "it has answered there until now, and has the traffic still; the studio says more, below Endpoints"
    left = "what answered there until now still does" if any(traffic.values()) else "nothing else answers there"
    return f"{left}; to be rid of this one: {request.deletion(request.deployment)}"


def _log(client: MLClient, request: DeploymentRequest) -> str:
    """The end of what its program said, where it came to say anything."""
    with suppress(HttpResponseError):
        return str(client.online_deployments.get_logs(request.deployment, request.endpoint, _LINES)).strip()
    return ""
