"""Models and files of a workspace by Microsoft's SDK v2: WorkspaceV2's part of a registry."""

from contextlib import suppress
from datetime import UTC

from azure.ai.ml import MLClient
from azure.ai.ml.constants import ListViewType
from azure.ai.ml.entities import Model
from azure.ai.ml.exceptions import AssetPathException
from azure.core.exceptions import ResourceNotFoundError

from fledge_azureml.store_v2 import STORE
from fledge_azureml.workspace import KnownModel

_PATHS = "/paths/"


def versions(client: MLClient, name: str) -> list[KnownModel]:
    # Also those that somebody has put out of sight: their numbers are taken.
    found = client.models.list(name=name, list_view_type=ListViewType.ALL)
    try:
        return [_known(one) for one in found]
    except ResourceNotFoundError:
        return []


def add(client: MLClient, model: KnownModel) -> bool:
    # Of one that is there, the tags would be others from now on.
    with suppress(ResourceNotFoundError):
        return _known(client.models.get(model.name, model.version)).folder == model.folder
    wanted = Model(
        name=model.name,
        version=model.version,
        path=f"azureml://datastores/{STORE}{_PATHS}{model.folder}",
        properties=dict(model.properties),
        tags=dict(model.tags),
    )
    try:
        client.models.create_or_update(wanted)
    except AssetPathException:
        # Somebody else's, made at this moment.
        return False
    return True


def _known(model: Model) -> KnownModel:
    created = model.creation_context.created_at if model.creation_context else None
    _, _, folder = str(model.path or "").partition(_PATHS)
    return KnownModel(
        name=str(model.name),
        version=str(model.version),
        # The service may keep it either way.
        folder=f"{folder.rstrip('/')}/" if folder else "",
        properties={str(key): str(value) for key, value in (model.properties or {}).items()},
        tags={str(key): str(value) for key, value in (model.tags or {}).items()},
        created=created.astimezone(UTC).isoformat(timespec="milliseconds") if created else "",
    )
