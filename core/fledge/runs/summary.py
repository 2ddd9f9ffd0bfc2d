"""What a run's journal comes to: its metrics, its model, its files."""

import json
from pathlib import Path
from typing import Any

from fledge.runs.journal import events
from fledge.runs.run_directory import RunDirectory


def metrics(folder: Path) -> dict[str, Any]:
    """The last value of every metric; a finished model's own figures come last and so win."""
    values: dict[str, Any] = {}
    for event in events(folder):
        if event["event"] == "metrics":
            values.update(event["values"])
        elif event["event"] == "trained":
            values.update(event["metrics"])
    return values


def weights_sha256(folder: Path) -> str | None:
    """The digest of the final model's weights, once there is one."""
    return next((e["weights_sha256"] for e in events(folder) if e["event"] == "trained"), None)


def outcome(run: RunDirectory) -> dict[str, Any]:
    """The last line of `fledge run --json`."""
    return {
        "run": run.id,
        "state": str(run.record().state),
        "metrics": metrics(run.path),
        "weights_sha256": weights_sha256(run.path),
        "outputs": [str(path) for path in run.files()],
    }


def description(run: RunDirectory) -> dict[str, Any]:
    """`fledge runs show --json`."""
    record = run.record()
    return {
        "run": run.id,
        "state": str(record.state),
        "pid": record.pid,
        "backend": record.backend,
        "experiment": record.experiment,
        "workload": record.workload,
        "spec": run.plan()["spec"],
        "metrics": metrics(run.path),
        "created": record.created,
        "started": record.started,
        "ended": record.ended,
        "error": record.error,
    }


def as_line(told: dict[str, Any]) -> str:
    """One line of JSON."""
    return json.dumps(told, default=str)
