"""Models of a workspace beside Microsoft's SDK v1: WorkspaceV1's part of a registry.

The SDK has the service number its models, so that nobody could tell whose a number is. The control plane's REST API,
by which SDK v2 makes them, takes the number from whoever asks: it is spoken here, with SDK v1's own token for it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from urllib3 import Retry

from fledge_azureml.request import WorkspaceName
from fledge_azureml.runs import delay, scope
from fledge_azureml.v1_job import STORE
from fledge_azureml.v1_sdk import requests
from fledge_azureml.workspace import KnownModel

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_VERSION = {"api-version": "2023-04-01"}
# What SDK v2 makes of a folder.
_KIND = "custom_model"
_PATHS = "/paths/"
_ABSENT = 404
_SECONDS = 60


class _Patience(Retry):
    """Waits as long as the service says, if not for ever."""

    def get_retry_after(self, response: "BaseHTTPResponse") -> float | None:
        told = response.headers.get("Retry-After")
        return None if told is None else delay(told)


# Whatever is asked here may be asked twice. These are the statuses that SDK v1 asks again for.
_PATIENCE = _Patience(
    total=5, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None, backoff_factor=0.5, raise_on_status=False
)


class Models:
    """Raises `requests`' exceptions, of which an HTTPError says what the service said. For many threads."""

    def __init__(self, auth: Any, name: WorkspaceName) -> None:
        """auth: the SDK's, which says as well where the control plane is."""
        self._auth, self._name = auth, name
        self._place = f"{auth._get_arm_end_point().rstrip('/')}{scope(name)}/models/"

    def versions(self, name: str) -> list[KnownModel]:
        """As `Workspace.models`."""
        found: list[KnownModel] = []
        # Also those that somebody has put out of sight: their numbers are taken.
        address: str | None = self._address(name, "versions", listViewType="All")
        while address:
            told = self._get(address)
            if told is None:
                break
            found += [_known(name, one) for one in told["value"]]
            address = told.get("nextLink")
        return found

    def add(self, model: KnownModel) -> bool:
        """As `Workspace.add_model`."""
        # Of one that is there, the tags would be others from now on.
        there = self._get(self._one(model))
        if there is None:
            try:
                _object(self._send("PUT", self._one(model), {"properties": self._properties(model)}))
            except requests.HTTPError:
                # Somebody else's, made at this moment, or nobody's.
                there = self._get(self._one(model))
                if there is None:
                    raise
            else:
                return True
        return _known(model.name, there).folder == model.folder

    def _properties(self, model: KnownModel) -> dict[str, object]:
        at = self._name
        place = f"subscriptions/{at.subscription_id}/resourcegroups/{at.resource_group}/workspaces/{at.workspace_name}"
        return {
            "modelType": _KIND,
            "modelUri": f"azureml://{place}/datastores/{STORE}{_PATHS}{model.folder}",
            "properties": dict(model.properties),
            "tags": dict(model.tags),
            "isAnonymous": False,
            "isArchived": False,
        }

    def _one(self, model: KnownModel) -> str:
        return self._address(model.name, "versions", model.version)

    def _address(self, *parts: str, **query: str) -> str:
        return f"{self._place}{'/'.join(quote(part, safe='') for part in parts)}?{urlencode(_VERSION | query)}"

    def _get(self, address: str) -> dict[str, Any] | None:
        """None where there is no such thing."""
        answer = self._send("GET", address)
        return None if answer.status_code == _ABSENT else _object(answer)

    def _send(self, method: str, address: str, body: dict[str, Any] | None = None) -> requests.Response:
        # Each has a session of its own: one is not promised to many threads.
        with requests.Session() as session:
            session.mount("https://", requests.adapters.HTTPAdapter(max_retries=_PATIENCE))
            headers = self._auth.get_authentication_header()
            return session.request(method, address, json=body, headers=headers, timeout=_SECONDS)


def _object(answer: requests.Response) -> dict[str, Any]:
    if not answer.ok:
        raise requests.HTTPError(answer.text, response=answer)
    told: dict[str, Any] = answer.json()
    return told


def _known(name: str, told: Mapping[str, Any]) -> KnownModel:
    properties = told["properties"]
    created = (told.get("systemData") or {}).get("createdAt")
    _, _, folder = str(properties.get("modelUri") or "").partition(_PATHS)
    return KnownModel(
        name=name,
        version=str(told["name"]),
        # The service may keep it either way.
        folder=f"{folder.rstrip('/')}/" if folder else "",
        properties={str(key): str(value) for key, value in (properties.get("properties") or {}).items()},
        tags={str(key): str(value) for key, value in (properties.get("tags") or {}).items()},
        created=_moment(created) if created else "",
    )


def _moment(told: str) -> str:
    return datetime.fromisoformat(told).astimezone(UTC).isoformat(timespec="milliseconds")
