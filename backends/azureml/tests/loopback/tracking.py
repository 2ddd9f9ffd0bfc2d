"""The MLflow that a workspace is: metrics and tags of its runs, by MLflow's REST API."""

from typing import Any

from loopback.state import State
from loopback.wire import Answer, Call, Routes, refusal

_BAD = 400
_MOST = 200


def routes(state: State) -> Routes:
    routes = Routes()
    api = "/mlflow/v1.0{ws}/api/2.0/mlflow"

    @routes.on("POST", f"{api}/runs/log-batch")
    def log_batch(call: Call, **place: str) -> Answer:
        told = call.json
        if len(told.get("metrics", [])) > _MOST:
            return refusal(_BAD, "UserError", f"more than {_MOST} metrics at once")
        with state.lock:
            kept = _kept(state, told["run_id"])
            kept["metrics"] += told.get("metrics", [])
            kept["tags"] |= {one["key"]: one["value"] for one in told.get("tags", [])}
        return Answer({})

    @routes.on("GET", f"{api}/runs/get")
    def get(call: Call, **place: str) -> Answer:
        kept = _kept(state, call.query["run_id"])
        latest = {one["key"]: one for one in kept["metrics"]}
        tags = [{"key": key, "value": value} for key, value in kept["tags"].items()]
        return Answer({"run": {"info": {}, "data": {"metrics": list(latest.values()), "tags": tags}}})

    @routes.on("GET", f"{api}/metrics/get-history")
    def history(call: Call, **place: str) -> Answer:
        found = [one for one in _kept(state, call.query["run_id"])["metrics"] if one["key"] == call.query["metric_key"]]
        begin = int(call.query.get("page_token") or 0)
        more = {"next_page_token": str(begin + _MOST)} if begin + _MOST < len(found) else {}
        return Answer({"metrics": found[begin : begin + _MOST], **more})

    return routes


def _kept(state: State, run: str) -> dict[str, Any]:
    kept: dict[str, Any] = state.tracked.setdefault(run, {"metrics": [], "tags": {}})
    return kept
