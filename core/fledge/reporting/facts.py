"""Facts: all that is shown of one run, gathered from its folder."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fledge.certificate import ENDING, Certificate, read
from fledge.errors import DataError, FledgeError
from fledge.interfaces.backend import ComputeBackend
from fledge.predictions import Predictions
from fledge.reporting.reading import Reading
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory

_LOG_LINES = 30


@dataclass
class Facts:
    """
    run        the id
    plan       what was planned: {} where its file is gone
    exports    the certificates of exported files
    models     names and versions under which the best model is registered
    log        the last lines, where the run went wrong
    remarks    what could not be read, in sentences
    """

    run: str
    record: RunRecord
    reading: Reading
    plan: dict[str, Any] = field(default_factory=dict)
    predictions: Predictions | None = None
    exports: list[Certificate] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What tells it from other runs, for people."""
        return f"{self.record.experiment} {self.run}"

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.plan.get("spec") or {}
        return spec

    @property
    def epochs(self) -> int | None:
        """How many the spec asks for; None for a script."""
        training = self.spec.get("training") or {}
        if self.record.workload != "train" or "epochs" not in training:
            return None
        more = training.get("finetune_epochs", 0) if training.get("mode") == "head+finetune" else 0
        return int(training["epochs"]) + int(more)

    @property
    def seconds(self) -> float | None:
        """From the worker's first word to its last."""
        return _seconds(self.reading.history.started, self.reading.history.last_heard)

    def stages(self) -> list[tuple[str, float]]:
        """Each state's seconds, in the order they came; a run that goes on is in the last one."""
        told = self.reading.stages
        ends = [time for _, time in told[1:]] + [str(self.reading.history.last_heard)]
        found: dict[str, float] = {}
        for (state, began), ended in zip(told, ends, strict=False):
            found[state] = found.get(state, 0.0) + (_seconds(began, ended) or 0.0)
        return [(state, seconds) for state, seconds in found.items() if seconds > 0]


def gather(run: RunDirectory, record: RunRecord, reading: Reading) -> Facts:
    """Whatever is missing or damaged is told of among the remarks."""
    facts = Facts(run.id, record, reading)
    try:
        facts.plan = run.plan()
    except FledgeError as error:
        facts.remarks.append(error.message)
    try:
        facts.predictions = Predictions.read(run.outputs)
    except DataError as error:
        facts.remarks.append(error.message)
    for path in sorted(run.outputs.glob(f"*{ENDING}")):
        try:
            facts.exports.append(Certificate.of(json.loads(path.read_bytes()), str(path)))
            exported = path.with_name(path.name.removesuffix(ENDING))
            # Of a run elsewhere the file itself is not here.
            if exported.is_file() and not read(exported):
                facts.exports.pop()
                facts.remarks.append(f"the certificate of {exported.name} is one of other bytes: export it again")
        except (DataError, OSError, ValueError) as error:
            facts.remarks.append(error.message if isinstance(error, DataError) else f"{path} cannot be read: {error}")
    return facts


def last_lines(backend: ComputeBackend, record: RunRecord) -> list[str]:
    """The end of what the run has printed."""
    kept: deque[bytes] = deque(maxlen=2)
    for chunk in backend.logs(record.ref) if record.ref else ():
        kept.append(chunk.data)
    return b"".join(kept).decode(errors="replace").splitlines()[-_LOG_LINES:]


def _seconds(began: str | None, ended: str | None) -> float | None:
    try:
        return (datetime.fromisoformat(str(ended)) - datetime.fromisoformat(str(began))).total_seconds()
    except ValueError:
        return None
