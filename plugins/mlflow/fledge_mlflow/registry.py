"""MlflowRegistry: model versions in MLflow's model registry."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fledge import ModelVersion, Registry, RegistryError, file_sha256

from fledge_mlflow import flavour
from fledge_mlflow.aliases import Aliases
from fledge_mlflow.fetching import fetched
from fledge_mlflow.manifest import NAME, Manifest
from fledge_mlflow.options import MlflowOptions
from fledge_mlflow.run_there import RUN, RunThere
from fledge_mlflow.store import Store
from fledge_mlflow.trouble import explained

# Two more seconds, which whoever forks this process has then waited for once.
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 -- to have it imported  # isort: skip

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as VersionThere

_CARD = "model.json"
# Tags of a version: what its manifest and its files are.
_MANIFEST, _DIGEST = "fledge.manifest", "fledge.digest"
_EXPERIMENT = "models"


class MlflowRegistry(Registry):
    """Each version is a logged model of MLflow's: fledge's files, their manifest, and what MLflow itself needs to load
    the ONNX file among them. Versions that others registered are none of fledge's, and left alone."""

    options: MlflowOptions

    def register(self, run: str, folder: Path, name: str, tags: Mapping[str, str]) -> ModelVersion:
        try:
            manifest = Manifest.of(run, folder, _CARD)
        except (OSError, ValueError) as error:
            raise RegistryError(f"{folder} has no model card {_CARD} that can be read: {error}") from None
        if taken := {NAME, flavour.DESCRIPTION, flavour.REQUIREMENTS, flavour.PYTHON}.intersection(manifest.files):
            raise RegistryError(f"{folder} has a file {taken.pop()}, which is where MLflow's own is kept")
        store = Store(self.options.uri)
        with self._explained(), store.alone():
            for version in self._versions(store, name):
                if version.tags.get(_DIGEST) == manifest.digest:
                    return self._read(store, version)
            _make_name(store, name)
            version = self._add(store, manifest, folder, name, tags)
            return self._read(store, version)

    def names(self) -> list[str]:
        store = Store(self.options.uri)
        if store.is_new:
            return []
        with self._explained():
            return sorted({one.name for one in _all_versions(store, "") if _DIGEST in one.tags})

    def versions(self, name: str) -> list[ModelVersion]:
        return self._look(name)[0]

    def damaged(self, name: str) -> Mapping[int, RegistryError]:
        return self._look(name)[1]

    def fetch(self, name: str, version: int, dest: Path) -> list[Path]:
        store = Store(self.options.uri)
        with self._explained():
            there = {int(one.version): one for one in self._versions(store, name)}.get(version)
            if there is None:
                raise RegistryError(f"there is no version {version} of {name} in MLflow at {self.options.uri}")
            files = self._read(store, there).files
            return fetched(store.files(str(there.source)), files, dest, f"model version {name}/{version}")

    def set_alias(self, name: str, alias: str, version: int) -> None:
        store = Store(self.options.uri)
        with self._explained(), store.alone():
            if store.is_new or not Aliases(store, name).set(alias, version):
                raise RegistryError(f"there is no version {version} of {name} in MLflow at {self.options.uri}")

    def aliases(self, name: str) -> Mapping[str, int]:
        store = Store(self.options.uri)
        if store.is_new:
            return {}
        with self._explained():
            return Aliases(store, name).all()

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.options.uri, RegistryError, "try again, or name another with MLFLOW_TRACKING_URI")

    def _versions(self, store: Store, name: str) -> list["VersionThere"]:
        """Those that fledge registered, oldest first."""
        found = [] if store.is_new else _all_versions(store, f"name = '{name}'")
        return sorted((one for one in found if _DIGEST in one.tags), key=lambda one: int(one.version))

    def _look(self, name: str) -> tuple[list[ModelVersion], dict[int, RegistryError]]:
        whole: list[ModelVersion] = []
        damaged: dict[int, RegistryError] = {}
        store = Store(self.options.uri)
        with self._explained():
            for version in self._versions(store, name):
                try:
                    whole.append(self._read(store, version))
                except RegistryError as error:
                    damaged[int(version.version)] = error
        return whole, damaged

    def _read(self, store: Store, version: "VersionThere") -> ModelVersion:
        with tempfile.TemporaryDirectory() as temporary:
            what = f"model version {version.name}/{version.version}"
            told = {NAME: version.tags[_MANIFEST]}
            (path,) = fetched(store.files(str(version.source)), told, Path(temporary), what)
            manifest = Manifest.read(path)
        return ModelVersion(
            name=version.name,
            version=int(version.version),
            run=manifest.run,
            created=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).isoformat(timespec="milliseconds"),
            files=manifest.files,
            card=manifest.card,
            tags={key: value for key, value in version.tags.items() if not key.startswith(("fledge.", "mlflow."))},
        )

    def _add(
        self, store: Store, manifest: Manifest, folder: Path, name: str, tags: Mapping[str, str]
    ) -> "VersionThere":
        """The files first, and the version when all of them are there."""
        client = store.client
        # Beside the run, where it was tracked here.
        there = RunThere.look(store, manifest.run)
        experiment = there.experiment if there else store.experiment(self.options.experiment or _EXPERIMENT)
        of_run: dict[str, Any] = {"source_run_id": there.id} if there else {}
        made = client.create_logged_model(experiment, name=name, tags={RUN: manifest.run}, **of_run)
        with tempfile.TemporaryDirectory() as temporary:
            whole = Path(temporary) / "model"
            shutil.copytree(folder, whole)
            manifest.write(whole / NAME)
            if model := flavour.exported(whole):
                more = {"run_id": there.id} if there else {}
                place = made.artifact_location
                flavour.describe(model, manifest.card, whole, model_id=made.model_id, artifact_path=place, **more)
            own = {RUN: manifest.run, _DIGEST: manifest.digest, _MANIFEST: file_sha256(whole / NAME)}
            client.log_model_artifacts(made.model_id, str(whole))
        client.finalize_logged_model(made.model_id, "READY")
        # A file's store would look for a logged model wherever MLflow's global address is: it is told all the same.
        of_model = {} if isinstance(store.place, Path) else {"model_id": made.model_id}
        return client.create_model_version(
            name,
            made.artifact_location,
            run_id=there.id if there else None,
            tags={**tags, **own},
            await_creation_for=0,
            **of_model,
        )


def _make_name(store: Store, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _all_versions(store: Store, words: str) -> Iterator["VersionThere"]:
    token: str | None = None
    while True:
        page = store.client.search_model_versions(words, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
