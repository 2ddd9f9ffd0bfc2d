"""Online endpoints: what is deployed is started as a process of this machine, by Azure's own inference server."""

import os
import re
import secrets
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from loopback.ports import free_port
from loopback.state import BLOBSTORE, REGION, WS, State
from loopback.wire import Answer, Call, Routes, refusal

_CREATED, _FINE, _BAD, _UNAUTHORIZED, _ABSENT, _AWAY = 201, 200, 400, 401, 404, 503
_MODEL_ERROR, _ITS_STATUS = 424, "ms-azureml-model-error-statuscode"
_ENDPOINT = "{ws}/onlineEndpoints/{name}"
_DEPLOYMENT = f"{_ENDPOINT}/deployments/{{deployment}}"
_OPERATIONS = f"/providers/Microsoft.MachineLearningServices/locations/{REGION}/mfeOperationsStatus/"


@dataclass
class Deployment:
    """told is what was PUT; process is the server that answers for it."""

    told: dict[str, Any]
    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def status(self) -> str:
        if self.process.poll() is not None:
            return "Failed"
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/", timeout=5):
                return "Succeeded"
        except (URLError, OSError):
            return "Updating"


@dataclass
class Endpoint:
    told: dict[str, Any]
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    deployments: dict[str, Deployment] = field(default_factory=dict)


def routes(state: State) -> Routes:
    routes, kept = Routes(), state.endpoints

    @routes.on("GET", _ENDPOINT)
    def endpoint(call: Call, name: str, **place: str) -> Answer:
        return Answer(_shown(kept[name], name)) if name in kept else _absent(name)

    @routes.on("PUT", _ENDPOINT)
    def put(call: Call, name: str, **place: str) -> Answer:
        told = call.json
        there = kept.get(name)
        traffic = told["properties"].get("traffic") or {}
        if unknown := set(traffic) - set(there.deployments if there else ()):
            return refusal(_BAD, "BadRequest", f"Traffic is set for deployments that do not exist: {sorted(unknown)}")
        if there:
            there.told = told
        else:
            kept[name] = Endpoint(told)
        return Answer(_shown(kept[name], name), _FINE if there else _CREATED)

    @routes.on("POST", f"{_ENDPOINT}/listKeys")
    def keys(call: Call, name: str, **place: str) -> Answer:
        return Answer({"primaryKey": kept[name].key, "secondaryKey": kept[name].key}) if name in kept else _absent(name)

    @routes.on("GET", f"{_ENDPOINT}/deployments")
    def listed(call: Call, name: str, **place: str) -> Answer:
        found = kept[name].deployments if name in kept else {}
        return Answer({"value": [_deployment(name, one, told) for one, told in found.items()]})

    @routes.on("GET", _DEPLOYMENT)
    def get(call: Call, name: str, deployment: str, **place: str) -> Answer:
        found = kept[name].deployments.get(deployment) if name in kept else None
        return Answer(_deployment(name, deployment, found)) if found else _absent(deployment)

    @routes.on("PUT", _DEPLOYMENT)
    def deploy(call: Call, name: str, deployment: str, **place: str) -> Answer:
        if name not in kept:
            return _absent(name)
        before = kept[name].deployments.get(deployment)
        made = _start(state, f"{name}-{deployment}", call.json)
        if isinstance(made, Answer):
            return made
        kept[name].deployments[deployment] = made
        if before:
            _stop(before)
        where = f"https://{call.host}{call.path.split('/resourceGroups/')[0]}{_OPERATIONS}{name}:{deployment}"
        asked = {"Azure-AsyncOperation": f"{where}?api-version={call.query.get('api-version', '')}"}
        return Answer(_deployment(name, deployment, made), _CREATED, asked)

    @routes.on("GET", "/subscriptions/{subscription}" + _OPERATIONS + "{name}:{deployment}")
    def operation(call: Call, name: str, deployment: str, **place: str) -> Answer:
        status = kept[name].deployments[deployment].status
        told: dict[str, Any] = {"name": f"{name}:{deployment}", "status": status}
        if status == "Failed":
            words = "User container has crashed or terminated. Please see troubleshooting guide."
            told["error"] = {"code": "ResourceNotReady", "message": words}
        return Answer({**told, "status": "InProgress"} if status == "Updating" else told)

    @routes.on("POST", f"{_DEPLOYMENT}/getLogs")
    def logs(call: Call, name: str, deployment: str, **place: str) -> Answer:
        said = kept[name].deployments[deployment].log.read_text(errors="replace")
        # It begins with words of the service's own.
        return Answer({"content": f"Instance status:\nUserContainerStart: InProgress\n\nContainer logs:\n{said}"})

    return routes


def score(state: State, call: Call) -> Answer:
    """A call of an endpoint's own host, with a key, to the deployment that has the traffic."""
    name = call.host.partition(".")[0]
    endpoint = state.endpoints.get(name)
    if endpoint is None:
        return _absent(name)
    if call.headers.get("authorization", "") != f"Bearer {endpoint.key}":
        return Answer({"message": "no such key"}, _UNAUTHORIZED)
    traffic = endpoint.told["properties"].get("traffic") or {}
    chosen = next((one for one, share in traffic.items() if share), None)
    if chosen is None:
        return Answer({"message": "no deployment has traffic"}, _AWAY)
    headers = {"Content-Type": call.headers.get("content-type", "")}
    asked = Request(f"http://127.0.0.1:{endpoint.deployments[chosen].port}{call.path}", call.body, headers)
    try:
        with urlopen(asked, timeout=60) as answer:
            return Answer(answer.read(), answer.status)
    except URLError as error:
        if not hasattr(error, "read"):
            raise
        # Whatever a program answers but 200 is a failure to the service, which tells its status beside.
        return Answer(error.read(), _MODEL_ERROR, {_ITS_STATUS: str(getattr(error, "code", _AWAY))})


def close(state: State) -> None:
    for endpoint in state.endpoints.values():
        for one in endpoint.deployments.values():
            _stop(one)


def _start(state: State, name: str, body: dict[str, Any]) -> Deployment | Answer:
    told = body["properties"]
    model = state.models.get("/".join(_key(told["model"], "models")))
    code = state.codes.get("/".join(_key(told["codeConfiguration"]["codeId"], "codes")))
    if model is None or code is None:
        return refusal(_BAD, "BadRequest", "The model or the code of the deployment does not exist.")
    if state.server is None:
        return refusal(_BAD, "BadRequest", "The loopback was given no inference server to start.")
    place = state.folder / "deployments" / f"{name}-{secrets.token_hex(4)}"
    container, _, prefix = code["properties"]["codeUri"].partition("net/")[2].partition("/")
    state.download(container, prefix, place / "code")
    files = model["properties"]["modelUri"].partition("/paths/")[2].strip("/")
    # As the service lays it out: a folder of the version, and in it the model's own.
    state.download(BLOBSTORE, files, place / "model" / Path(files).name)
    port = free_port()
    script = place / "code" / told["codeConfiguration"]["scoringScript"]
    log = place / "log.txt"
    # Nothing is inherited: the environment of a container.
    environment = {
        "PATH": f"{state.server.parent}{os.pathsep}/usr/bin:/bin",
        "HOME": str(place),
        "OMP_NUM_THREADS": "1",
        **(told.get("environmentVariables") or {}),
    }
    words = [state.server, "--entry_script", script, "--model_dir", place / "model", "--port", port]
    with log.open("wb") as file:
        process = subprocess.Popen(
            list(map(str, words)), cwd=place, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    # Waited for, so that it is known when it ends.
    threading.Thread(target=process.wait, daemon=True).start()
    return Deployment(body, process, port, log)


def _stop(deployment: Deployment) -> None:
    deployment.process.terminate()
    deployment.process.wait()


def _key(asset: str, kind: str) -> tuple[str, str]:
    found = re.search(rf"/{kind}/([^/]+)/versions/([^/]+)", asset, re.IGNORECASE)
    assert found, asset
    return found[1], found[2]


def _shown(endpoint: Endpoint, name: str) -> dict[str, Any]:
    more = {"provisioningState": "Succeeded", "scoringUri": f"https://{name}.{REGION}.inference.ml.azure.com/score"}
    return {
        **endpoint.told,
        "id": f"{WS}/onlineEndpoints/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        "properties": {"traffic": {}, "mirrorTraffic": {}, **endpoint.told["properties"], **more},
    }


def _deployment(endpoint: str, name: str, deployment: Deployment) -> dict[str, Any]:
    return {
        **deployment.told,
        "id": f"{WS}/onlineEndpoints/{endpoint}/deployments/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
        # The client looks for its scale, which it did not have to send.
        "properties": {
            "scaleSettings": {"scaleType": "Default"},
            **deployment.told["properties"],
            "provisioningState": deployment.status,
        },
    }


def _absent(name: str) -> Answer:
    return refusal(_ABSENT, "ResourceNotFound", f"There is no {name} in the workspace.")
