"""The blob store of a workspace by Microsoft's SDK v1: WorkspaceV1's part of files."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from fledge import RunError

from fledge_azureml.facts import is_folder
from fledge_azureml.v1_sdk import BlobSasPermissions, ResourceExistsError, generate_blob_sas
from fledge_azureml.workspace import Readable

_URL_TIME = timedelta(hours=1)


class Store:
    """The workspace's blob store, by its key or its signature."""

    def __init__(self, told: Any) -> None:
        """told: the SDK's datastore. Raises RunError where it has neither."""
        if not told.account_key and not told.sas_token:
            raise RunError(
                f"the datastore {told.name} of the workspace {told.workspace.name} has neither a key nor a token, "
                "without which SDK v1 cannot reach it",
                hint="--set backend.sdk=v2, or give the datastore an account key in the studio",
            )
        self._told = told
        self._container = told.blob_service.get_container_client(told.container_name)

    def files(self, prefix: str) -> dict[str, str]:
        """Those whose names begin so: name to URL."""
        found = self._container.list_blobs(name_starts_with=prefix, include=["metadata"])
        return {name: self._url(name) for name in sorted(one.name for one in found if not is_folder(one.metadata))}

    def write(self, path: str, content: Readable | bytes, *, anew: bool) -> bool:
        """As `Workspace.store`."""
        try:
            if isinstance(content, bytes):
                self._container.upload_blob(path, content, overwrite=not anew)
            else:
                with content.open("rb") as file:
                    self._container.upload_blob(path, file, overwrite=not anew)
        except ResourceExistsError:
            return False
        return True

    def _url(self, name: str) -> str:
        """Good for reading, for a while."""
        told = self._told
        token = told.sas_token or generate_blob_sas(
            told.account_name,
            told.container_name,
            name,
            account_key=told.account_key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + _URL_TIME,
        )
        host = f"{told.account_name}.blob.{told.endpoint}"
        return f"https://{host}/{told.container_name}/{quote(name)}?{token.lstrip('?')}"
