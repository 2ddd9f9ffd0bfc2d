"""What Microsoft's SDK v2 would send, recorded on its way out: its own client speaks, and nobody hears it."""

import io
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import BaseAdapter

from fledge_azureml.request import WorkspaceName

# What only the workspace knows.
_REGION = "the region of the workspace"
_ASSET = {"codeUri": "where the code is uploaded to"}
_COMPUTE = {"computeType": "AmlCompute"}


class Nobody:
    """A credential for a client that asks nobody."""

    def get_token(self, *scopes: str, **told: Any) -> AccessToken:
        return AccessToken("nobody", int(time.time()) + 3600)


class Recorder(BaseAdapter):
    """Where requests end that are to be seen and not sent: each is answered as by a workspace that has all there is."""

    def __init__(self, name: WorkspaceName) -> None:
        super().__init__()
        self._workspace = name.workspace_name
        self.sent: dict[str, object] = {}

    def send(self, request: requests.PreparedRequest, *told: Any, **more: Any) -> requests.Response:
        place = urlsplit(str(request.url))
        # The SDK sends nothing but JSON, and all at once.
        body = json.loads(request.body) if isinstance(request.body, str | bytes) and request.body else {}
        if request.method == "PUT":
            self.sent[f"PUT {place.path}?{place.query}"] = body
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 200, request, str(request.url)
        answer.headers["Content-Type"] = "application/json"
        answer.raw = io.BytesIO(json.dumps(self._answer(place.path, body)).encode())
        return answer

    def close(self) -> None:
        pass

    def _answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/versions"):
            # Whatever version is asked for is there: code is not uploaded, and "latest" is one.
            return {"value": [self._answer(f"{path}/1", {})]}
        properties = {**_ASSET, **body.get("properties", {}), "provisioningState": "Succeeded"}
        if "/computes/" in path:
            properties = {**_COMPUTE, **properties}
        # The SDK draws another name for each upload.
        place = re.sub("/codes/[^/]+/", "/codes/CODE/", path)
        return {"id": place, "name": path.rpartition("/")[2], "location": _REGION, "properties": properties}


@contextmanager
def recording(name: WorkspaceName) -> "Iterator[tuple[Recorder, Nobody, RequestsTransport]]":
    """A recorder, and what a client is to be made with that speaks to it."""
    with requests.Session() as session:
        session.mount("https://", recorder := Recorder(name))
        yield recorder, Nobody(), RequestsTransport(session=session, session_owner=False)
