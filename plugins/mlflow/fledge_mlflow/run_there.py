"""RunThere: a run of fledge's in MLflow, found again by its tag."""

import getpass
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fledge_mlflow.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

RUN = "fledge.run"
# MLflow's limits of one request.
_METRICS, _OTHERS = 1000, 100
_LONGEST_TAG = 5000
MODEL = "fledge.model"


class RunThere:
    """id is MLflow's; params and tags those it has, as far as this process knows; metrics the names it began with."""

    def __init__(self, store: Store, found: "Run") -> None:
        self._client = store.client
        self.store = store
        self.id = str(found.info.run_id)
        self.experiment = str(found.info.experiment_id)
        self.params: dict[str, str] = dict(found.data.params)
        self.tags: dict[str, str] = dict(found.data.tags)
        self.metrics = sorted(found.data.metrics)
        self._status = found.info.status

    @classmethod
    def of(cls, store: Store, experiment: str, run: str) -> "RunThere":
        """The one of fledge's run `run`, made where there is none."""
        where = store.experiment(experiment)
        with store.alone():
            there = _found(store, [where], run)
            if not there:
                tags = {RUN: run, "mlflow.user": _person(), "mlflow.source.type": "JOB", "mlflow.source.name": "fledge"}
                made = store.client.create_run(where, start_time=_now(), tags=tags, run_name=run)
                # Another machine may have made one in the same moment: both take the same one of the two.
                there = _found(store, [where], run) or [made]
                if there[0].info.run_id != made.info.run_id:
                    store.client.delete_run(made.info.run_id)
        return cls(store, there[0])

    @classmethod
    def look(cls, store: Store, run: str) -> "RunThere | None":
        """The one of fledge's run `run`, in whatever experiment."""
        found = _found(store, [one.experiment_id for one in _experiments(store)], run)
        return cls(store, found[0]) if found else None

    def go_on(self) -> None:
        if self._status != "RUNNING":
            self._client.update_run(self.id, status="RUNNING")

    def log(self, metrics: Sequence["Metric"], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """What of params and tags is not there yet, and all metrics, in as many requests as MLflow wants."""
        from mlflow.entities import Param, RunTag

        new = {key: value for key, value in params.items() if key not in self.params}
        told = {key: value[:_LONGEST_TAG] for key, value in tags.items()}
        told = {key: value for key, value in told.items() if self.tags.get(key) != value}
        for some in _portions(list(new), _OTHERS):
            self._client.log_batch(self.id, params=[Param(key, new[key]) for key in some])
            self.params.update({key: new[key] for key in some})
        for some in _portions(list(told), _OTHERS):
            self._client.log_batch(self.id, tags=[RunTag(key, told[key]) for key in some])
            self.tags.update({key: told[key] for key in some})
        for part in _portions(metrics, _METRICS):
            self._client.log_batch(self.id, metrics=part)

    def points(self, key: str) -> Sequence["Metric"]:
        return list(self._client.get_metric_history(self.id, key))

    def keep(self, path: Path, folder: str | None) -> None:
        """A file among the run's artifacts; one that is there already is replaced."""
        self._client.log_artifact(self.id, str(path), folder)

    def end(self, status: str, when: int | None) -> None:
        self._client.set_terminated(self.id, status, when)


def _found(store: Store, experiments: Sequence[str], run: str) -> list["Run"]:
    """The oldest first."""
    found = store.client.search_runs(list(experiments), f"tags.`{RUN}` = '{run}'") if experiments else []
    return sorted(found, key=lambda one: (one.info.start_time, one.info.run_id))


def _experiments(store: Store) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = store.client.search_experiments(page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _portions(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # Nobody of that number is known in the container.
        return "unknown"


def _now() -> int:
    return int(time.time() * 1000)
