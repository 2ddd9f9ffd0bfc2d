"""Facts: what is known of a run that decides, or tells, how it went."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fledge.digest import file_sha256
from fledge.flat import flat
from fledge.runs.history import History
from fledge.runs.journal import events
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory
from fledge.runs.source import FOLDER

# Of `params`: what is computed with. The rest is of the data and the network.
_MACHINE = ("device", "gpu", "precision", "threads", "launcher", "processes", "torch")


@dataclass(frozen=True)
class Facts:
    """Each by dotted keys. seconds is from the worker's first word to the end; None where there was none.

    spec         every option settled
    code         files that went along, by their SHA-256; git's commit
    data         data set, classes, pretrained weights and transforms, by their fingerprints
    environment  Python, packages, hardware, and what was chosen to compute with
    result       metrics, last or best, the state and the digest of the weights
    error        why it did not complete, without its id; None where it did
    """

    run: str
    folder: Path
    spec: dict[str, Any]
    code: dict[str, Any]
    data: dict[str, Any]
    environment: dict[str, Any]
    result: dict[str, Any]
    error: str | None

    @classmethod
    def of(cls, run: RunDirectory, record: RunRecord) -> "Facts":
        """As of now, from the run's folder."""
        lineage: dict[str, Any] = {}
        params: dict[str, Any] = {}
        history = History()
        for event in events(run.path):
            history.hear(event)
            if event["event"] == "lineage":
                lineage |= event
            elif event["event"] == "params":
                params |= event["values"]
        plan = run.plan()
        code = {name: _digest(run.path / FOLDER / name) for name in plan["job"]["snapshot"]["files"]}
        git = lineage.get("git") or {}
        machine = {key: params.pop(key) for key in _MACHINE if key in params}
        environment: dict[str, Any] = {key: lineage.get(key, {}) for key in ("hardware", "packages")}
        result = {"state": str(record.state), "submissions": record.submission, "seconds": _seconds(record)}
        return cls(
            run.id,
            run.path,
            flat(plan["spec"]),
            {**code, **{f"git {key}": git[key] for key in ("commit", "dirty") if key in git}},
            flat(params),
            {"python": lineage.get("python"), **flat(environment), **machine},
            {**result, **history.metrics, "weights_sha256": history.weights_sha256},
            record.error and record.error.replace(run.id, "RUN"),
        )


def _digest(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None


def _seconds(record: RunRecord) -> float | None:
    if record.started is None or record.ended is None:
        return None
    return (datetime.fromisoformat(record.ended) - datetime.fromisoformat(record.started)).total_seconds()
