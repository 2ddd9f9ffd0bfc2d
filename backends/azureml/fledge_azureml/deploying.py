"""Deploying: a model of any registry is made one of the workspace's, and put behind an endpoint."""

from pathlib import Path

from fledge import Deployable, Deployed

from fledge_azureml.connect import connect
from fledge_azureml.deployment import packed
from fledge_azureml.deployment_request import DeploymentRequest
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.registry import AzureMLRegistry


def deploy(model: Deployable, request: DeploymentRequest, options: AzureMLOptions, home: Path) -> Deployed:
    told, workspace = model.version, connect(options, request.workspace)
    workspace.check_deploys()
    registry = AzureMLRegistry(options, home)
    # The same files of the same run are the version that they are there already.
    version = registry.register(told.run, model.folder, told.name, told.tags)
    with packed(request) as code:
        found = workspace.deploy(request, registry.known(version), code)
    name = f"{version.name}/{version.version}"
    notes = [
        f"model {name} of the workspace answers at the endpoint {request.endpoint}",
        f"a key: {request.command(f'online-endpoint get-credentials --name {request.endpoint}')}",
    ]
    for other in found.others:
        notes.append(
            f"{other} is there as before, has no traffic, and is paid for; to be rid of it: {request.deletion(other)}"
        )
    return Deployed(request.endpoint, found.url, tuple(notes))
