"""Models of the workspace: versions that are made once and never lead elsewhere, told in pages."""

from datetime import UTC, datetime
from typing import Any

from loopback.state import State
from loopback.wire import Answer, Call, Routes, refusal

_CREATED, _BAD, _ABSENT, _FINE = 201, 400, 404, 200
# Few, so that whoever reads the first page alone is found out.
_PAGE = 4
_ONE = "{ws}/models/{name}/versions/{version}"


def routes(state: State) -> Routes:
    routes, kept = Routes(), state.models

    @routes.on("GET", "{ws}/models")
    def names(call: Call, **place: str) -> Answer:
        found = dict.fromkeys(key.partition("/")[0] for key in kept)
        return _page(call, [{"id": f"{call.path}/{name}", "name": name, "properties": {}} for name in found])

    @routes.on("GET", "{ws}/models/{name}/versions")
    def versions(call: Call, name: str, **place: str) -> Answer:
        found = [told for key, told in list(kept.items()) if key.startswith(f"{name}/")]
        return _page(call, list(reversed(found)))

    @routes.on("GET", "{ws}/models/{name}")
    def container(call: Call, name: str, **place: str) -> Answer:
        found = [key.partition("/")[2] for key in kept if key.startswith(f"{name}/")]
        if not found:
            return refusal(_ABSENT, "UserError", f"Model {name} container was not found.")
        latest = max((int(one) for one in found if one.isdecimal()), default=0)
        told = {"latestVersion": str(latest), "nextVersion": str(latest + 1)}
        return Answer({"id": call.path, "name": name, "properties": told})

    @routes.on("GET", _ONE)
    def get(call: Call, name: str, version: str, **place: str) -> Answer:
        told = kept.get(f"{name}/{version}")
        return Answer(told) if told else refusal(_ABSENT, "UserError", f"Model {name}:{version} was not found.")

    @routes.on("PUT", _ONE)
    def put(call: Call, name: str, version: str, **place: str) -> Answer:
        # It keeps a folder's name without its end.
        told = {**call.json["properties"], "modelUri": call.json["properties"]["modelUri"].rstrip("/")}
        with state.lock:
            there = kept.get(f"{name}/{version}")
            if there and there["properties"]["modelUri"] != told["modelUri"]:
                return refusal(_BAD, "UserError", "Asset paths cannot be updated.")
            # Of a model that is there, its tags alone are another's to change.
            properties = {**there["properties"], "tags": told.get("tags") or {}} if there else told
            kept[f"{name}/{version}"] = {
                "id": call.path,
                "name": version,
                "type": "Microsoft.MachineLearningServices/workspaces/models/versions",
                "systemData": there["systemData"] if there else _born(),
                # The client looks for flavors, which it did not have to send.
                "properties": {"flavors": {}, **properties, "provisioningState": "Succeeded"},
            }
            return Answer(kept[f"{name}/{version}"], _FINE if there else _CREATED)

    return routes


def _born() -> dict[str, str]:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"createdAt": now, "createdBy": "a person", "createdByType": "User", "lastModifiedAt": now}


def _page(call: Call, found: list[dict[str, Any]]) -> Answer:
    begin = int(call.query.get("$skip", 0))
    told: dict[str, Any] = {"value": found[begin : begin + _PAGE]}
    if begin + _PAGE < len(found):
        version = call.query.get("api-version", "")
        told["nextLink"] = f"{call.url}?api-version={version}&%24skip={begin + _PAGE}"
    return Answer(told)
