"""Where the exported file is that a person means by a word."""

import hashlib
import tempfile
from pathlib import Path

from fledge.certificate import ENDING
from fledge.errors import RegistryError, RunError, UnknownName
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.runs.run_directory import RunDirectory
from fledge.versions import find_version, remedy

# Of several exports the one with every digit.
_FULL = "model."


def locate(word: str, registry: Registry, home: Path, cache: Path) -> Path:
    """A file's path; a registered model, as NAME, NAME/VERSION or NAME@ALIAS; or a run.

    Raises UnknownName, RunError for a run that exported nothing, RegistryError for such a version.
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
            raise UnknownName(
                "exported file, registered model or run", word, registry.names(), hint=unknown.hint
            ) from None
        return _of_run(run)
    return _of_version(version, registry, cache)


def _of_run(run: RunDirectory) -> Path:
    found = {path.name: path for path in run.outputs.glob("model*") if not path.name.endswith(ENDING)}
    if not found and run.outputs.is_dir():
        raise RunError(f"run {run.id} has no exported file", hint=f"fledge export {run.id}")
    if not found:
        record = run.record()
        raise RunError(
            f"run {run.id}, {record.state} on the backend {record.backend!r}, has no exported file on this machine",
            hint=f"fledge export {run.id} makes one here; what it exported there is brought by: "
            f"fledge runs download {run.id} 'outputs/model*'",
        )
    return found[_chosen(list(found))]


def _of_version(version: ModelVersion, registry: Registry, cache: Path) -> Path:
    exported = version.card.get("exports") or {}
    if not exported:
        raise RegistryError(f"{version.name}/{version.version} has no exported file", hint=remedy(version))
    name = _chosen(list(exported))
    digest = version.files[name]
    # Kept under what it holds: asked for a thousand times, it is fetched once, and looked through each time.
    kept = cache / "exported" / digest / name
    if not (kept.is_file() and _sha256(kept) == digest):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            registry.fetch(version.name, version.version, Path(folder))
            Path(folder, name).replace(kept)
    return kept


def _chosen(names: list[str]) -> str:
    return next((name for name in sorted(names) if name.startswith(_FULL)), min(names))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
