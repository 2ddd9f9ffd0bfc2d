"""AzureMLRegistry: model versions in a workspace of Azure Machine Learning."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from hashlib import sha256 as digest_of
from pathlib import Path

from fledge import ModelVersion, Registry, RegistryError, UsageError, file_sha256

from fledge_azureml.blobs import Blobs
from fledge_azureml.config import workspace_name
from fledge_azureml.connect import connect
from fledge_azureml.facts import MODEL
from fledge_azureml.ledger import Ledger
from fledge_azureml.manifest import NAME, Manifest
from fledge_azureml.options import WorkspaceOptions
from fledge_azureml.request import WorkspaceName
from fledge_azureml.workspace import KnownModel, Workspace

# It takes seconds, which whoever forks this process has then waited for once.
try:
    import fledge_azureml.workspace_v2
except ModuleNotFoundError:
    with suppress(ModuleNotFoundError):
        import fledge_azureml.workspace_v1  # noqa: F401 -- to have it imported, where this SDK alone is installed

_CARD = "model.json"
_FILES = "fledge/models/"
# Properties of a model, which are its own for good.
_RUN, _DIGEST = "fledge_run", "fledge_digest"
_AGAIN = "register its run again, which puts back what was registered"


class AzureMLRegistry(Registry):
    """A version is a model of the workspace, of fledge's files and their manifest in its blob store, whose digest the
    model has among its properties. Models that others registered are none of fledge's, and left alone.

    A version's files are there before it is; and registered again they are written again, the same, where they were.
    """

    options: WorkspaceOptions

    def register(self, run: str, folder: Path, name: str, tags: Mapping[str, str]) -> ModelVersion:
        if not MODEL.fits(name):
            raise UsageError(f"{name!r} cannot name a model of Azure Machine Learning", hint=f"it takes {MODEL.words}")
        try:
            manifest = Manifest.of(run, folder, _CARD)
        except (OSError, ValueError) as error:
            raise RegistryError(f"{folder} has no model card {_CARD} that can be read: {error}") from None
        if NAME in manifest.files:
            raise RegistryError(f"{folder} has a file {NAME}, which is where fledge's own is kept")
        digest, workspace = manifest.digest, self._workspace
        number = self._ledger.number(name, digest)
        where = f"{_FILES}{name}/{digest}/"
        for path in manifest.files:
            workspace.store(where + path, folder / path, anew=False)
        workspace.store(where + NAME, manifest.content, anew=False)
        if number is None:
            number = self._ledger.take(name, digest, _numbers(workspace.models(name)))
        properties = {_RUN: run, _DIGEST: digest}
        while not workspace.add_model(KnownModel(name, str(number), where, properties, tags)):
            # Somebody registers there without fledge, and was quicker.
            number = self._ledger.take(name, digest, [number], instead=True)
        return self._read(self._model(name, number), workspace.stored(where))

    def names(self) -> list[str]:
        return [name for name in self._ledger.names() if self._models(name)]

    def versions(self, name: str) -> list[ModelVersion]:
        return self._look(name)[0]

    def damaged(self, name: str) -> Mapping[int, RegistryError]:
        return self._look(name)[1]

    def fetch(self, name: str, version: int, dest: Path) -> list[Path]:
        model = self._model(name, version)
        urls = self._workspace.stored(model.folder)
        fetched = []
        for path, expected in self._read(model, urls).files.items():
            self._save(f"{model.name}/{model.version}", path, urls.get(model.folder + path), dest / path, expected)
            fetched.append(dest / path)
        return fetched

    def set_alias(self, name: str, alias: str, version: int) -> None:
        self._ledger.give(name, alias, int(self._model(name, version).version))

    def aliases(self, name: str) -> Mapping[str, int]:
        return self._ledger.aliases(name)

    def known(self, version: ModelVersion) -> KnownModel:
        """As the workspace has it."""
        return self._model(version.name, version.version)

    def _models(self, name: str) -> list[KnownModel]:
        """Those that fledge registered, oldest first."""
        found = self._workspace.models(name) if MODEL.fits(name) else []
        return sorted((one for one in found if _DIGEST in one.properties), key=lambda one: int(one.version))

    def _model(self, name: str, version: int) -> KnownModel:
        for model in self._models(name):
            if int(model.version) == version:
                return model
        raise RegistryError(
            f"there is no version {version} of {name} in the workspace {self._where.workspace_name}",
            hint="fledge models list --registry azureml",
        )

    def _look(self, name: str) -> tuple[list[ModelVersion], dict[int, RegistryError]]:
        """(the whole versions, what is wrong with the others)."""
        whole: list[ModelVersion] = []
        damaged: dict[int, RegistryError] = {}
        models = self._models(name)
        urls = self._workspace.stored(f"{_FILES}{name}/") if models else {}
        for model in models:
            try:
                whole.append(self._read(model, urls))
            except RegistryError as error:
                damaged[int(model.version)] = error
        return whole, damaged

    def _read(self, model: KnownModel, urls: Mapping[str, str]) -> ModelVersion:
        """urls: of its files at least, by path. Raises RegistryError where the manifest is not the one registered."""
        what = f"model version {model.name}/{model.version}"
        url = urls.get(model.folder + NAME)
        content = self._blobs.read(url) if url else b""
        if digest_of(content).hexdigest() != model.properties[_DIGEST]:
            told = "not what was registered" if content else "missing"
            raise RegistryError(f"{what} is damaged: its file {NAME} is {told}", hint=_AGAIN)
        try:
            manifest = Manifest.parse(content)
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryError(f"{what} cannot be read: {error}", hint=_AGAIN) from None
        return ModelVersion(
            name=model.name,
            version=int(model.version),
            run=manifest.run,
            created=model.created,
            files=manifest.files,
            card=manifest.card,
            tags=model.tags,
        )

    def _save(self, who: str, path: str, url: str | None, target: Path, expected: str) -> None:
        if target.is_file() and file_sha256(target) == expected:
            return
        # What a broken connection leaves is gone on from, and is never mistaken for the file.
        fetched = target.with_name(f".{target.name}.{expected[:12]}")
        if url is None or not self._blobs.save(url, fetched):
            raise RegistryError(f"model version {who} is damaged: its file {path} is missing", hint=_AGAIN)
        if file_sha256(fetched) != expected:
            fetched.unlink()
            raise RegistryError(
                f"model version {who} is damaged: {path} is not the file that was registered", hint=_AGAIN
            )
        fetched.replace(target)

    @cached_property
    def _where(self) -> WorkspaceName:
        return workspace_name(self.options, Path.cwd(), self.home)

    @cached_property
    def _workspace(self) -> Workspace:
        return connect(self.options, self._where)

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self._workspace, self._blobs)

    @cached_property
    def _blobs(self) -> Blobs:
        return Blobs()


def _numbers(models: list[KnownModel]) -> list[int]:
    """The service's versions are words, and those of others may be any."""
    return [int(one.version) for one in models if one.version.isdecimal()]
