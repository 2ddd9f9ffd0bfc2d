"""What programs are told of a run."""

import json
from typing import Any

from fledge.runs.history import History
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory


def outcome(run: RunDirectory, record: RunRecord) -> dict[str, Any]:
    """The last line of `fledge run --json`."""
    history = History.read(run.path)
    return {
        "run": run.id,
        "state": str(record.state),
        "metrics": history.metrics,
        "weights_sha256": history.weights_sha256,
        "outputs": [str(path) for path in run.files()],
    }


def description(run: RunDirectory, record: RunRecord) -> dict[str, Any]:
    """`fledge runs show --json`."""
    history = History.read(run.path)
    return {
        "run": run.id,
        "state": str(record.state),
        "pid": record.pid,
        "backend": record.backend,
        "experiment": record.experiment,
        "workload": record.workload,
        "spec": run.plan()["spec"],
        "metrics": history.metrics,
        "created": record.created,
        "started": record.started,
        "ended": record.ended,
        "last_heard": history.last_heard,
        "submissions": record.submission,
        "weights_sha256": history.weights_sha256,
        "error": record.error,
    }


def as_line(told: dict[str, Any]) -> str:
    """One line of JSON."""
    return json.dumps(told, default=str)
