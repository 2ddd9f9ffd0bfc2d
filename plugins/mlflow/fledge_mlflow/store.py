"""Store: the MLflow that the options name."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

# Before MLflow, which reads them when it is imported.
from fledge_mlflow import settings  # noqa: F401 -- it sets environment variables

from mlflow import MlflowClient  # isort: skip

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

_BESIDE = "mlartifacts"
# Where MLflow notes that its own first experiment keeps files, when it makes a file: not in the working folder,
# which is a run's.
_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
# Longer than uploads take.
_PATIENCE_SECONDS = 600

# What goes wrong is raised too.
for _name in ("alembic", "mlflow"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class Store:
    """A tracking server, or an SQLite file with a folder of artifacts beside it. Made without a look at either."""

    def __init__(self, place: Path | str) -> None:
        self.place = place
        self.uri = place if isinstance(place, str) else f"sqlite:///{place}"
        self._lock = (
            None if isinstance(place, str) else FileLock(f"{place}.lock", timeout=_PATIENCE_SECONDS, poll_interval=0.01)
        )

    @property
    def is_new(self) -> bool:
        """Whether it is a file that nobody has made yet."""
        return isinstance(self.place, Path) and not self.place.exists()

    @cached_property
    def client(self) -> MlflowClient:
        client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        if self.is_new:
            with self.alone():
                self._make(client)
        return client

    def experiment(self, name: str) -> str:
        """Its id; made where there was none."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, artifact_location=self._artifacts(name)))
            except MlflowException:
                # Another process has made it, perhaps.
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within, no other process of fledge's changes the file. Of a server there is no such promise."""
        if self._lock is None:
            yield
            return
        Path(self._lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            yield

    def files(self, uri: str) -> "ArtifactRepository":
        """What is kept below an artifact's address."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(uri, tracking_uri=self.uri)

    def _make(self, client: MlflowClient) -> None:
        before = os.environ.get(_ROOT)
        os.environ[_ROOT] = self._artifacts("Default") or ""
        try:
            client.search_experiments(max_results=1)
        finally:
            if before is None:
                del os.environ[_ROOT]
            else:
                os.environ[_ROOT] = before

    def _artifacts(self, experiment: str) -> str | None:
        return None if isinstance(self.place, str) else (self.place.parent / _BESIDE / experiment).as_uri()
