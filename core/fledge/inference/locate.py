"""Where the exported file is that a person means by a word."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from fledge.certificate import ENDING, Certificate, read
from fledge.digest import file_sha256
from fledge.errors import RegistryError, RunError, UnknownName
from fledge.exports import EXPORTED
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.interfaces.state import RunState
from fledge.runs.run_directory import RunDirectory
from fledge.versions import certificates, find_version, remedy

# Of several exports the one with every digit.
_FULL = "model."


def locate(word: str, registry: Registry, home: Path, cache: Path) -> Path:
    """A file's path; a registered model, as NAME, NAME/VERSION or NAME@ALIAS; or a run.

    Raises UnknownName; RunError for a run that exported nothing to rely on, RegistryError for such a version.
    """
    path = Path(word)
    if path.is_file():
        return path
    try:
        version = find_version(registry, word)
    except UnknownName as unknown:
        try:
            run = RunDirectory.find(home, word)
        except UnknownName:
            inside = sorted(path.glob("*.onnx")) if path.is_dir() else []
            hint = f"{word} is a folder: name the file in it, {inside[0]}" if inside else unknown.hint
            raise UnknownName("exported file, registered model or run", word, registry.names(), hint=hint) from None
        return _of_run(run)
    return _of_version(version, registry, cache)


def _of_run(run: RunDirectory) -> Path:
    found = {path.name: path for path in run.outputs.glob(EXPORTED) if not path.name.endswith(ENDING)}
    if not found:
        record = run.record()
        if record.state.is_final and record.state is not RunState.COMPLETED:
            raise RunError(
                f"run {run.id} is {record.state} and has no exported file: only a completed run's model is exported",
                hint=f"to go on with it: fledge runs resume {run.id}; or name another run, or a model",
            )
        if run.outputs.is_dir():
            raise RunError(f"run {run.id} has no exported file", hint=f"fledge export {run.id}")
        raise RunError(
            f"run {run.id}, {record.state} on the backend {record.backend!r}, has no exported file on this machine",
            hint=f"fledge export {run.id} makes one here; what it exported there is brought by: "
            f"fledge runs download {run.id} 'outputs/model*'",
        )
    name, wrong = _chosen({name: read(path) for name, path in found.items()})
    if wrong:
        raise RunError(
            f"run {run.id}: {name} does not answer as the model does: {'; '.join(wrong)}",
            hint=f"fledge export {run.id}; or name the file, to ask it anyway: {found[name]}",
        )
    return found[name]


def _of_version(version: ModelVersion, registry: Registry, cache: Path) -> Path:
    name = exported_of(version)
    digest = version.files[name]
    # Kept under what it holds: asked for a thousand times, it is fetched once, and looked through each time.
    kept = cache / "exported" / digest / name
    if not (kept.is_file() and file_sha256(kept) == digest):
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
                registry.fetch(version.name, version.version, Path(folder))
                Path(folder, name).replace(kept)
        except OSError as error:
            raise RegistryError(
                f"{version.name}/{version.version} cannot be kept in the cache {cache}: {error.strerror or error}",
                hint="make room there, or name another cache folder: XDG_CACHE_HOME=DIR",
            ) from None
    return kept


def exported_of(version: ModelVersion) -> str:
    """Which of its files to ask. Raises RegistryError where none is proved to answer as the model does."""
    who, proofs = f"{version.name}/{version.version}", certificates(version)
    if not proofs:
        raise RegistryError(f"{who} has no exported file", hint=remedy(version))
    name, wrong = _chosen(proofs)
    if wrong:
        raise RegistryError(
            f"{who}: {name} does not answer as the model does: {'; '.join(wrong)}",
            hint=f"{remedy(version)}; or name the file, to ask it anyway, after fledge models download {who}",
        )
    return name


def _chosen(exports: Mapping[str, Certificate | None]) -> tuple[str, list[str]]:
    """(the name of the one to ask, what is wrong with it): one that is no good only where there is no other."""
    wrong = {name: certificate.faults() if certificate else [] for name, certificate in exports.items()}
    name = min(exports, key=lambda one: (bool(wrong[one]), not one.startswith(_FULL), one))
    return name, wrong[name]
