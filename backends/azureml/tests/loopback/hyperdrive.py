"""HyperDrive: a service of its own, by which SDK v1 submits sweeps and cancels them."""

import shlex
from datetime import UTC, datetime
from typing import Any, Literal

from loopback import v1
from loopback.state import State
from loopback.sweeps import Bandit, Wanted
from loopback.wire import Answer, Call, Routes

_CREATED, _BAD, _ABSENT, _CONFLICT = 201, 400, 404, 409
_MOST_TRIALS, _MOST_AT_ONCE, _MOST_MINUTES = 1000, 100, 43_200


def routes(state: State) -> Routes:
    routes = Routes()
    place = "/hyperdrive/v1.0{ws}/experiments/{experiment}"

    @routes.on("POST", f"{place}/hdruns/{{name}}")
    def create(call: Call, experiment: str, name: str, **place: str) -> Answer:
        told = call.json
        try:
            wanted = _wanted(name, told)
        except (KeyError, TypeError, ValueError) as error:
            return _refusal(_BAD, f"Not a HyperDrive experiment: {error!r}")
        definition = told["platform_config"]["Definition"]
        overrides = definition["Overrides"]
        work = v1.work(state, name, experiment, definition["SnapshotId"], overrides)
        if isinstance(work, Answer):
            return _refusal(_BAD, work.body["error"]["message"])
        made = state.sweeps.start(wanted, work, {"tags": {}, "properties": {}}, lambda one: _command(overrides, one))
        if made is None:
            return _refusal(_CONFLICT, f"There is a run {name} already.")
        return Answer({"code": _CREATED, "result": _experiment(name, told)}, _CREATED)

    @routes.on("POST", f"{place}/runs/{{name}}/cancel")
    def cancel(call: Call, name: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        if job is None or not job.sweep:
            return _refusal(_ABSENT, f"There is no HyperDrive run {name}.")
        if not call.headers.get("runhistoryhost"):
            return _refusal(_BAD, "The header RunHistoryHost is missing.")
        state.jobs.cancel(job)
        return Answer({"code": 200, "result": "Cancellation requested."})

    return routes


def _wanted(name: str, told: dict[str, Any]) -> Wanted:
    """Raises KeyError, TypeError or ValueError."""
    generator, policy, metric = told["generator_config"], told["policy_config"], told["primary_metric_config"]
    samplings: dict[str, Literal["random", "grid"]] = {"RANDOM": "random", "GRID": "grid"}
    limits = {
        "max_total_jobs": _MOST_TRIALS,
        "max_concurrent_jobs": _MOST_AT_ONCE,
        "max_duration_minutes": _MOST_MINUTES,
    }
    for limit, most in limits.items():
        if not 1 <= told[limit] <= most:
            raise ValueError(f"{limit} is {told[limit]}")
    if told["platform"] != "AML":
        raise ValueError(f"platform is {told['platform']}")
    goals = {"maximize": True, "minimize": False}
    return Wanted(
        name=name,
        space=generator["parameter_space"],
        sampling=samplings[generator["name"]],
        seed=None,
        metric=metric["name"],
        maximize=goals[metric["goal"].lower()],
        trials=told["max_total_jobs"],
        parallel=told["max_concurrent_jobs"],
        policy=_policy(policy),
    )


def _policy(told: dict[str, Any]) -> Bandit | None:
    if told["name"].lower() == "default":
        return None
    if told["name"].lower() != "bandit":
        raise ValueError(f"the loopback knows no policy {told['name']}")
    properties = told["properties"]
    return Bandit(
        slack_factor=properties.get("slack_factor") or 0.0,
        slack_amount=properties.get("slack_amount") or 0.0,
        interval=properties["evaluation_interval"],
        delay=properties["delay_evaluation"],
    )


def _command(overrides: dict[str, Any], values: dict[str, Any]) -> str:
    if overrides.get("command"):
        # As people have seen it do: the values are left out, and nobody is told.
        return str(overrides["command"])
    words = [word for name, value in values.items() for word in (f"--{name.lstrip('-')}", str(value))]
    return shlex.join(["python", overrides["script"], *overrides["arguments"], *words])


def _experiment(name: str, told: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    kept = {key: value for key, value in told.items() if key != "user"}
    return {
        **kept,
        "platform_config": {**told["platform_config"], "ParentRunId": name},
        "all_jobs_generated": False,
        "cancellation_requested": False,
        "created": now,
        "modified": now,
        "created_by_user_id": 0,
        "experiment_id": name,
        "hyperdrive_run_id": name,
        "status": "Running",
        "study_id": 0,
    }


def _refusal(status: int, message: str) -> Answer:
    """As this service words it."""
    return Answer({"code": status, "message": message}, status)
