"""The blob store of a workspace by Microsoft's SDK v2: WorkspaceV2's part of files."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.ai.ml.entities import AccountKeyConfiguration, SasTokenConfiguration
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, ContainerClient, generate_blob_sas

from fledge_azureml.facts import is_folder
from fledge_azureml.workspace import Readable

STORE = "workspaceblobstore"
_URL_TIME = timedelta(hours=1)


class Store:
    """The workspace's blob store, by its key, its signature, or the rights of whoever asks."""

    def __init__(self, told: Any, credential: Any) -> None:
        address = f"{told.protocol}://{told.account_name}.blob.{told.endpoint}"
        self._account, self._container = told.account_name, told.container_name
        self._key = told.credentials.account_key if isinstance(told.credentials, AccountKeyConfiguration) else None
        self._sas = told.credentials.sas_token if isinstance(told.credentials, SasTokenConfiguration) else None
        access = self._key or self._sas or credential
        self._service = BlobServiceClient(address, access)
        self.container = ContainerClient(address, self._container, access)

    def files(self, prefix: str) -> dict[str, str]:
        """Those whose names begin so: name to URL."""
        found = self.container.list_blobs(name_starts_with=prefix, include=["metadata"])
        return {name: self.url(name) for name in sorted(one.name for one in found if not is_folder(one.metadata))}

    def write(self, path: str, content: Readable | bytes, *, anew: bool) -> bool:
        """As `Workspace.store`."""
        try:
            if isinstance(content, bytes):
                self.container.upload_blob(path, content, overwrite=not anew)
            else:
                with content.open("rb") as file:
                    self.container.upload_blob(path, file, overwrite=not anew)
        except ResourceExistsError:
            return False
        return True

    def url(self, name: str) -> str:
        """Good for reading, for a while."""
        address = self.container.get_blob_client(name).url
        if self._sas:
            return str(address)
        begins, ends = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + _URL_TIME
        key = {"account_key": self._key} if self._key else {"user_delegation_key": self._delegated}
        read = BlobSasPermissions(read=True)
        signed = generate_blob_sas(
            self._account, self._container, name, permission=read, start=begins, expiry=ends, **key
        )
        return f"{address}?{signed}"

    @property
    def _delegated(self) -> Any:
        if time.monotonic() > self._delegated_until:
            now = datetime.now(UTC)
            self._delegation = self._service.get_user_delegation_key(now - timedelta(minutes=5), now + 2 * _URL_TIME)
            self._delegated_until = time.monotonic() + _URL_TIME.total_seconds()
        return self._delegation

    _delegation: Any = None
    _delegated_until = 0.0
