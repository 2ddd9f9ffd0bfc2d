"""MlflowTracker: a run in MLflow, continued whenever the run is."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fledge import RunError, RunInfo, Tracker

from fledge_mlflow.flavour import exported
from fledge_mlflow.logged_model import log_model
from fledge_mlflow.options import MlflowOptions
from fledge_mlflow.points import Points, milliseconds, seen
from fledge_mlflow.run_there import MODEL, RunThere
from fledge_mlflow.store import Store
from fledge_mlflow.told import changed, lineage, params, without_secrets
from fledge_mlflow.trouble import explained

if TYPE_CHECKING:
    from mlflow.entities import Metric

_STATUS = {"COMPLETED": "FINISHED", "CANCELED": "KILLED", "PREEMPTED": "KILLED"}


class MlflowTracker(Tracker):
    options: MlflowOptions
    server_option = "uri"

    def start(self, run: RunInfo) -> None:
        self._run = run
        self._last: int | None = None
        with explained(self.options.uri, RunError):
            store = Store(self.options.uri)
            self._there = RunThere.of(store, self.options.experiment or run.experiment, run.id)
            self._there.go_on()
            self._points = Points(self._there.points)
            # Where it is told of is no matter of the run's.
            values = params({key: value for key, value in run.spec.items() if key != "trackers"})
            self._there.log([], values, changed(values, self._there.params))

    def record(self, events: Sequence[Mapping[str, Any]]) -> None:
        values: dict[str, str] = {}
        tags: dict[str, str] = {}
        metrics: list[Metric] = []
        with explained(self.options.uri, RunError):
            try:
                for event in events:
                    match event.get("event"):
                        case "metrics":
                            metrics += self._points.of(event)
                        case "params":
                            told = params(event["values"])
                            tags |= changed(told, values | self._there.params)
                            values = told | values
                        case "lineage":
                            shown = without_secrets(event)
                            tags |= lineage(shown)
                            self._keep_lineage(shown)
                        case "state":
                            tags |= {"fledge.state": str(event["state"])}
                            tags |= {"fledge.error": str(event["error"])} if event.get("error") else {}
                        case "trained":
                            tags["fledge.weights_sha256"] = str(event["weights_sha256"])
                    self._last = milliseconds(event)
                self._there.log(metrics, values, tags)
            except BaseException:
                # How much of it has arrived is looked up when it is told again.
                self._points = Points(self._there.points)
                raise

    def artifact(self, path: Path) -> None:
        # One that was removed since cannot be sent.
        if path.is_file():
            with explained(self.options.uri, RunError):
                self._there.keep(path, _folder(path, self._run.outputs))

    def finish(self, state: str) -> None:
        with explained(self.options.uri, RunError):
            self._there.log([], {}, {"fledge.state": state})
            self._there.end(_STATUS.get(state, "FAILED"), self._last)
            model, card = exported(self._run.outputs), self._run.outputs / "best.json"
            if state == "COMPLETED" and model and card.is_file() and MODEL not in self._there.tags:
                log_model(self._there, model, json.loads(card.read_text()))

    def history(self, run: str) -> Mapping[str, Sequence[float]]:
        store = Store(self.options.uri)
        if store.is_new:
            return {}
        with explained(self.options.uri, RunError):
            there = RunThere.look(store, run)
            return {} if there is None else {key: seen(there.points(key)) for key in there.metrics}

    def _keep_lineage(self, event: Mapping[str, Any]) -> None:
        """All of it, with the packages, which are too many for tags."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lineage.json"
            path.write_text(json.dumps({key: value for key, value in event.items() if key != "event"}, indent=1))
            self._there.keep(path, "fledge")


def _folder(path: Path, outputs: Path) -> str | None:
    """Below which folder of the run's artifacts a file is kept: as it is among the run's outputs."""
    if not path.is_relative_to(outputs):
        return None
    parent = path.relative_to(outputs).parent.as_posix()
    return None if parent == "." else parent
