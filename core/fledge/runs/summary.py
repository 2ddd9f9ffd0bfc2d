"""What programs are told of a run."""

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
        "outputs": list(run.files(history.artifacts)),
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
        "profile": history.profile,
    }


def profile_lines(rows: list[dict[str, Any]]) -> list[str]:
    """A profile as a table: what is within something else is indented below it."""
    total = rows[0]["seconds"] or 1.0
    lines = [f"{'where the time went':<36}{'seconds':>9}{'share':>8}{'times':>9}{'ms each':>10}"]
    for row in rows:
        name, seconds, count = "  " * (len(row["path"]) - 1) + row["path"][-1], row["seconds"], row["count"]
        lines.append(f"{name:<36}{seconds:9.2f}{seconds / total:8.1%}{count:9}{seconds / count * 1000:10.2f}")
    return lines
