"""REGION.api.azureml.ms: where a run stands, its logs, and the files of its history."""

from typing import Any

from loopback.jobs import ARTIFACTS, Job, artifact
from loopback.state import REGION, SERVICES, State
from loopback.wire import Answer, Call, Routes

_ABSENT = 404
# As few at once, for clients to ask for the rest.
_PAGE = 3
_LOGS = ("user_logs/", "system_logs/", "logs/azureml/", "azureml-logs/")


def routes(state: State) -> Routes:
    routes = Routes()

    @routes.on("GET", "/discovery")
    def discovery(call: Call) -> Answer:
        names = (
            "api",
            "history",
            "artifact",
            "metric",
            "modelmanagement",
            "execution",
            "content",
            "mlflow",
            "experimentation",
            "hyperdrive",
        )
        return Answer({**dict.fromkeys(names, f"https://{SERVICES}"), "studio": "https://ml.azure.com"})

    @routes.on("GET", "/history/v1.0{ws}/runs/{name}/details")
    def details(call: Call, name: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        return Answer(_details(state, job)) if job else no_run(name)

    @routes.on("GET", "/history/v1.0{ws}/runs/{name}/children")
    def children(call: Call, name: str, **place: str) -> Answer:
        if state.jobs.get(name) is None:
            return no_run(name)
        begin = int(call.query.get("$continuationtoken") or 0)
        names = state.sweeps.children(name)
        page = [job for one in names[begin : begin + _PAGE] if (job := state.jobs.get(one))]
        more = str(begin + _PAGE) if begin + _PAGE < len(names) else None
        return Answer({"value": [run(job) for job in page], "continuationToken": more, "nextLink": None})

    @routes.on("POST", "/history/v1.0{ws}/rundata")
    def rundata(call: Call, **place: str) -> Answer:
        job = state.jobs.get(call.json["runId"])
        if job is None:
            return no_run(call.json["runId"])
        return Answer({"runMetadata": run(job), "runDefinition": {}, "jobSpecification": None})

    @routes.on("GET", "/artifact/v2.0{ws}/artifacts/prefix/contentinfo/ExperimentRun/dcid.{name}/{prefix:path}")
    def below(call: Call, name: str, prefix: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        # Of half a file's name it knows nothing.
        folder = prefix.rstrip("/") + "/"
        paths = [path for path in (job.files if job else []) if path.startswith(folder)]
        return Answer({"value": [_content(state, name, path) for path in paths], "continuationToken": None})

    return routes


def no_run(name: str) -> Answer:
    told = {"code": "UserError", "message": f"Run {name} was not found", "innerError": {"code": "NotFoundError"}}
    return Answer({"error": told, "statusCode": _ABSENT, "environment": REGION}, _ABSENT)


def run(job: Job) -> dict[str, Any]:
    """As the history shows it in lists and on its own."""
    work = job.work
    return {
        "runId": work.name,
        "parentRunId": job.parent,
        "experimentId": work.experiment,
        "status": job.status,
        "startTimeUtc": job.started,
        "endTimeUtc": job.ended,
        "createdUtc": job.created,
        "target": work.cluster,
        "error": _error(job),
        "warnings": [],
        "tags": job.told.get("tags") or {},
        "properties": {},
        "dataContainerId": f"dcid.{work.name}",
    }


def _details(state: State, job: Job) -> dict[str, Any]:
    logs = [path for path in job.files if path.startswith(_LOGS)]
    return {
        **run(job),
        "logFiles": {path: state.blobs.signed(ARTIFACTS, artifact(job.work.name, path)) for path in logs},
        "runDefinition": None,
        "submittedBy": "loopback",
    }


def _error(job: Job) -> dict[str, Any] | None:
    if job.status != "Failed":
        return None
    return {"error": {"code": "UserError", "message": job.reason, "details": []}, "correlation": {}}


def _content(state: State, name: str, path: str) -> dict[str, Any]:
    url = state.blobs.signed(ARTIFACTS, artifact(name, path))
    return {"origin": "ExperimentRun", "container": f"dcid.{name}", "path": path, "contentUri": url}
