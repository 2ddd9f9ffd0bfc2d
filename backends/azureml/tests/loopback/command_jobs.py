"""Jobs of the control plane, as SDK v2 submits them and asks after them."""

import re
from functools import partial
from typing import Any, Literal

from loopback.jobs import Job, Work
from loopback.state import BLOBSTORE, SERVICES, WS, State
from loopback.sweeps import Bandit, Wanted
from loopback.wire import Answer, Call, Routes, refusal

_CREATED, _ACCEPTED, _BAD, _ABSENT, _FINE = 201, 202, 400, 404, 200
_DRAWN = re.compile(r"\$\{\{search_space\.(\w+)\}\}")
_PLACE = re.compile(r"azureml://datastores/workspaceblobstore/paths/(.+)")


def routes(state: State) -> Routes:
    routes = Routes()
    one = "{ws}/jobs/{name}"

    @routes.on("GET", "{ws}/jobs")
    def listed(call: Call, **place: str) -> Answer:
        return Answer({"value": [_shown(job) for job in state.jobs.all()]})

    @routes.on("GET", one)
    def get(call: Call, name: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        return Answer(_shown(job)) if job else refusal(_ABSENT, "UserError", f"There is no job {name}.")

    @routes.on("PUT", one)
    def put(call: Call, name: str, **place: str) -> Answer:
        told = call.json["properties"]
        # Of a sweep, what its trials are.
        swept = told["jobType"] == "Sweep"
        work = _work(state, name, {**told, **told["trial"], "jobType": "Command"} if swept else told)
        if isinstance(work, Answer):
            return work
        job = _sweep(state, work, told) if swept else state.jobs.start(work, told)
        if job is None:
            text = "A job with this name already exists. If you are trying to create a new job, use a different name."
            return refusal(_BAD, "UserError", text)
        return Answer(_shown(job), _CREATED)

    @routes.on("POST", f"{one}/cancel")
    def cancel(call: Call, name: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        if job is None:
            return refusal(_ABSENT, "UserError", f"There is no job {name}.")
        state.jobs.cancel(job)
        return Answer(None, _FINE)

    return routes


def _sweep(state: State, work: Work, told: dict[str, Any]) -> Job | None:
    sampling, limits, policy = told["samplingAlgorithm"], told["limits"], told.get("earlyTermination")
    kinds: dict[str, Literal["random", "grid"]] = {"Random": "random", "Grid": "grid"}
    wanted = Wanted(
        name=work.name,
        space=told["searchSpace"],
        sampling=kinds[sampling["samplingAlgorithmType"]],
        seed=sampling.get("seed"),
        metric=told["objective"]["primaryMetric"],
        maximize=told["objective"]["goal"].lower() == "maximize",
        trials=limits["maxTotalTrials"],
        parallel=limits["maxConcurrentTrials"],
        policy=policy
        and Bandit(
            slack_factor=policy["slackFactor"],
            slack_amount=policy["slackAmount"],
            interval=policy["evaluationInterval"],
            delay=policy["delayEvaluation"],
        ),
    )

    def command(values: dict[str, Any]) -> str:
        return _DRAWN.sub(lambda found: str(values[found[1]]), work.command)

    return state.sweeps.start(wanted, work, told, command)


def _work(state: State, name: str, told: dict[str, Any]) -> Work | Answer:
    if told["jobType"] != "Command":
        return refusal(_BAD, "UserError", f"The loopback executes no {told['jobType']} jobs.")
    cluster = told["computeId"].rpartition("/computes/")[2].lower()
    if cluster not in state.clusters:
        return refusal(_BAD, "UserError", f"Unknown compute target '{cluster}'.")
    key = "/".join(re.findall(r"/(?:codes|versions)/([^/]+)", told["codeId"], re.IGNORECASE))
    if key not in state.codes:
        return refusal(_BAD, "UserError", f"There is no code {key}.")
    container, _, prefix = state.codes[key]["properties"]["codeUri"].partition("net/")[2].partition("/")
    distribution = told.get("distribution") or {}
    kinds: dict[str | None, Literal["mpi", "pytorch"] | None] = {"Mpi": "mpi", "PyTorch": "pytorch", None: None}
    mounts: dict[str, str] = {}
    for named in (told.get("outputs") or {}, told.get("inputs") or {}):
        for mount, wanted in named.items():
            found = _PLACE.fullmatch(wanted["uri"]) if "uri" in wanted else None
            if found is None:
                return refusal(_BAD, "UserError", f"The loopback mounts no {wanted}.")
            mounts[mount] = found[1]
    scale = state.clusters[cluster]["properties"]["properties"]["scaleSettings"]
    return Work(
        name=name,
        experiment=told.get("experimentName") or "Default",
        download=partial(state.download, container, prefix),
        command=told["command"],
        cluster=cluster,
        room=scale["maxNodeCount"],
        nodes=(told.get("resources") or {}).get("instanceCount") or 1,
        distribution=kinds[distribution.get("distributionType")],
        processes_per_node=distribution.get("processCountPerInstance") or 1,
        environment=told.get("environmentVariables") or {},
        kept=mounts.get("kept"),
        data=mounts.get("data"),
        container=BLOBSTORE,
    )


def _shown(job: Job) -> dict[str, Any]:
    name = job.work.name
    tracking = {
        "jobServiceType": "Tracking",
        "endpoint": f"azureml://{SERVICES}/mlflow/v1.0{WS}?",
        "properties": {},
    }
    studio = {
        "jobServiceType": "Studio",
        "endpoint": f"https://ml.azure.com/runs/{name}?wsid={WS}",
        "properties": {},
    }
    return {
        "id": f"{WS}/jobs/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/jobs",
        "systemData": {"createdAt": job.created, "createdBy": "loopback", "createdByType": "Application"},
        "properties": {
            "displayName": name,
            **job.told,
            "experimentName": job.work.experiment,
            "status": job.status,
            "services": {"Tracking": tracking, "Studio": studio},
        },
    }
