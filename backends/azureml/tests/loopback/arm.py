"""management.azure.com: the workspace, its clusters, and what is uploaded or known there."""

import uuid
from typing import Any

from loopback.azurite import ACCOUNT
from loopback.jobs import ARTIFACTS
from loopback.state import BLOBSTORE, REGION, SERVICES, STORAGE_ID, WORKSPACE, WORKSPACE_ID, WS, State
from loopback.wire import Answer, Call, Routes, refusal

_CREATED, _BAD, _ABSENT, _FINE = 201, 400, 404, 200
# By which the service's own names lead to the containers.
DATASTORES = {"workspaceblobstore": BLOBSTORE, "workspaceartifactstore": ARTIFACTS}


def routes(state: State) -> Routes:
    routes = Routes()

    @routes.on("GET", "{ws}")
    def workspace(call: Call, workspace: str, **place: str) -> Answer:
        return Answer(_workspace()) if workspace.lower() == WORKSPACE else no_workspace(call, workspace)

    @routes.on("GET", "/subscriptions/{subscription}/resourceGroups/{group}")
    def group(call: Call, subscription: str, group: str) -> Answer:
        return Answer({"id": call.path, "name": group, "location": REGION, "properties": {}})

    _clusters(state, routes)
    _assets(state, routes)
    _datastores(state, routes)
    return routes


def no_workspace(call: Call, name: str) -> Answer:
    text = f"The Resource 'Microsoft.MachineLearningServices/workspaces/{name}' was not found."
    return refusal(_ABSENT, "ResourceNotFound", text)


def _workspace() -> dict[str, Any]:
    return {
        "id": WS,
        "name": WORKSPACE,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": REGION,
        "kind": "Default",
        "identity": {"type": "SystemAssigned"},
        "tags": {},
        "properties": {
            "friendlyName": WORKSPACE,
            "workspaceId": WORKSPACE_ID,
            "discoveryUrl": f"https://{SERVICES}/discovery",
            "mlFlowTrackingUri": f"azureml://{SERVICES}/mlflow/v1.0{WS}",
            "storageAccount": STORAGE_ID,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "creationTime": "2026-01-01T00:00:00Z",
        },
    }


def _clusters(state: State, routes: Routes) -> None:
    one = "{ws}/computes/{name}"

    @routes.on("GET", "{ws}/computes")
    def listed(call: Call, **place: str) -> Answer:
        return Answer({"value": list(state.clusters.values())})

    @routes.on("GET", one)
    def get(call: Call, name: str, **place: str) -> Answer:
        cluster = state.clusters.get(name.lower())
        return Answer(cluster) if cluster else refusal(_ABSENT, "ResourceNotFound", f"There is no compute {name}.")

    @routes.on("PUT", one)
    def put(call: Call, name: str, **place: str) -> Answer:
        told = call.json
        properties = told["properties"]["properties"]
        there = name.lower() in state.clusters
        state.clusters[name.lower()] = {
            "id": call.path,
            "name": name,
            "type": "Microsoft.MachineLearningServices/workspaces/computes",
            "location": told["location"],
            "tags": told.get("tags") or {},
            "properties": {
                **told["properties"],
                "computeLocation": told["location"],
                "provisioningState": "Succeeded",
                "properties": {**properties, "allocationState": "Steady", "currentNodeCount": 0, "targetNodeCount": 0},
            },
        }
        return Answer(state.clusters[name.lower()], _FINE if there else _CREATED, _operation(call, name))

    @routes.on("PATCH", one)
    def patch(call: Call, name: str, **place: str) -> Answer:
        cluster = state.clusters[name.lower()]
        cluster["properties"]["properties"]["scaleSettings"] = call.json["properties"]["properties"]["scaleSettings"]
        return Answer(cluster, _FINE, _operation(call, name))

    @routes.on("DELETE", one)
    def delete(call: Call, name: str, **place: str) -> Answer:
        gone = state.clusters.pop(name.lower(), None)
        return Answer(None, 202, _operation(call, name)) if gone else Answer(None, 204)

    @routes.on("GET", "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/{rest:path}")
    def operation(call: Call, rest: str, **place: str) -> Answer:
        return Answer({"id": call.path, "name": rest.rpartition("/")[2], "status": "Succeeded"})


def _operation(call: Call, name: str) -> dict[str, str]:
    """Where the client asks whether it is done."""
    scope = call.path.split("/resourceGroups/")[0]
    place = f"{scope}/providers/Microsoft.MachineLearningServices/locations/{REGION}/computeOperationsStatus/{name}"
    return {"Azure-AsyncOperation": f"https://{call.host}{place}?api-version={call.query.get('api-version', '')}"}


def _assets(state: State, routes: Routes) -> None:
    for kind, kept in (("codes", state.codes), ("environments", state.environments)):
        _asset(state, routes, kind, kept)


def _asset(state: State, routes: Routes, kind: str, kept: dict[str, dict[str, Any]]) -> None:
    one = f"{{ws}}/{kind}/{{name}}/versions/{{version}}"

    @routes.on("GET", f"{{ws}}/{kind}/{{name}}/versions")
    def versions(call: Call, name: str, **place: str) -> Answer:
        found = [told for key, told in kept.items() if key.startswith(f"{name}/")]
        wanted = call.query.get("hash")
        if wanted:
            found = [told for told in found if told["properties"].get("properties", {}).get("hash_sha256") == wanted]
        return Answer({"value": list(reversed(found))})

    @routes.on("GET", one)
    def get(call: Call, name: str, version: str, **place: str) -> Answer:
        told = kept.get(f"{name}/{version}")
        return Answer(told) if told else refusal(_ABSENT, "UserError", f"There is no {kind} {name}:{version}.")

    @routes.on("GET", f"{{ws}}/{kind}/{{name}}")
    def container(call: Call, name: str, **place: str) -> Answer:
        numbers = [int(key.rpartition("/")[2]) for key in kept if key.startswith(f"{name}/")]
        if not numbers:
            return refusal(_ABSENT, "UserError", f"There is no {kind} {name}.")
        told = {"latestVersion": str(max(numbers)), "nextVersion": str(max(numbers) + 1)}
        return Answer({"id": call.path, "name": name, "properties": told})

    @routes.on("PUT", one)
    def put(call: Call, name: str, version: str, **place: str) -> Answer:
        there = f"{name}/{version}" in kept
        told: dict[str, Any] = {
            "id": call.path,
            "name": version,
            "type": f"Microsoft.MachineLearningServices/workspaces/{kind}",
        }
        kept[f"{name}/{version}"] = {
            **told,
            "properties": {**call.json["properties"], "provisioningState": "Succeeded"},
        }
        return Answer(kept[f"{name}/{version}"], _FINE if there else _CREATED)

    @routes.on("POST", f"{one}/startPendingUpload")
    def upload(call: Call, name: str, version: str, **place: str) -> Answer:
        # Each upload has a container to itself, at whose root its files are.
        container = f"upload-{uuid.uuid4()}"
        state.blobs.make(container)
        access = {"credentialType": "SAS", "sasUri": state.blobs.signed(container, permissions="rcwl")}
        told = {"blobUri": state.blobs.url(container), "storageAccountArmId": STORAGE_ID, "credential": access}
        return Answer({"pendingUploadId": f"{name}-{version}", "blobReferenceForConsumption": told})


def _datastores(state: State, routes: Routes) -> None:
    @routes.on("GET", "{ws}/datastores")
    def listed(call: Call, **place: str) -> Answer:
        return Answer({"value": [_datastore(name) for name in DATASTORES]})

    @routes.on("GET", "{ws}/datastores/{name}")
    def get(call: Call, name: str, **place: str) -> Answer:
        if name not in DATASTORES:
            return refusal(_ABSENT, "UserError", f"There is no datastore {name}.")
        return Answer(_datastore(name))

    @routes.on("POST", "{ws}/datastores/{name}/listSecrets")
    def secrets(call: Call, name: str, **place: str) -> Answer:
        return Answer({"secretsType": "AccountKey", "key": state.blobs.key})


def _datastore(name: str) -> dict[str, Any]:
    return {
        "id": f"{WS}/datastores/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/datastores",
        "properties": {
            "datastoreType": "AzureBlob",
            "accountName": ACCOUNT,
            "containerName": DATASTORES[name],
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentials": {"credentialsType": "AccountKey"},
            "isDefault": name == "workspaceblobstore",
            "tags": {},
            "properties": {},
        },
    }
