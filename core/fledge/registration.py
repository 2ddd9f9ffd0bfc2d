"""Trained -> ModelVersion: puts a finished run's best model into a registry, and what is exported of one later."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fledge.certificate import ENDING
from fledge.digest import file_sha256
from fledge.discovery.catalog import Catalog
from fledge.errors import RegistryError, RunError, UsageError
from fledge.exports import CARD, EXPORTED, WEIGHTS, copied, exported_name, take_along
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.interfaces.state import RunState
from fledge.runs.journal import events
from fledge.runs.observe import observe
from fledge.runs.run_directory import RunDirectory
from fledge.runs.source import FOLDER
from fledge.spec.names import NAME_PATTERN, NAME_WORDS


def registry_of(name: str, catalog: Catalog, home: Path, told: Mapping[str, object] | None = None) -> Registry:
    registry: Registry = catalog.make("registry", name, told or {}, home)
    return registry


def register_run(
    run: RunDirectory,
    name: str,
    backend: ComputeBackend,
    registry: Registry,
    tags: Mapping[str, str],
    warn: Callable[[str], None],
) -> ModelVersion:
    """The next version of `name`: the run's best weights and their card.

    Raises UsageError for an unfit name, RunError for a run that has no finished model.
    """
    _check_name(name)
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryDirectory() as scratch:
        folder = Path(temporary)
        card, weights = fetch_best(run, backend, Path(scratch))
        shutil.move(weights, folder / WEIGHTS)
        # What was exported later lies in the run's folder on this machine.
        exports = take_along((weights.parent, run.outputs), folder, card["weights_sha256"], warn)
        # In the card, so that every registry tells of the proof without the files.
        proofs = {file: certificate.to_dict() for file, certificate in exports.items()}
        told = {**card, "file": WEIGHTS, "exports": proofs, "code": _code(run), "lineage": _lineage(run)}
        (folder / CARD).write_text(json.dumps(told, indent=1))
        return _tagged(registry.register(run.id, folder, name, tags), tags, warn)


def register_export(
    exported: Path, name: str, registry: Registry, tags: Mapping[str, str], warn: Callable[[str], None]
) -> ModelVersion:
    """The next version of `name`: the newest of the same weights, and with it what was exported of them since.

    Raises UsageError for an unfit name, RegistryError where the file is not proved to answer as any version does.
    """
    _check_name(name)
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryDirectory() as scratch:
        folder = Path(temporary)
        try:
            certificate = copied(exported, Path(scratch))
        except FileNotFoundError as error:
            raise RegistryError(f"{error.filename} is absent", hint=_TOGETHER) from None
        if certificate is None:
            raise RegistryError(f"the certificate beside {exported} is one of other bytes", hint=_TOGETHER)
        if faults := certificate.faults():
            raise RegistryError(
                f"{exported} does not answer as the model does: {'; '.join(faults)}",
                hint="export it anew, in another precision or from another opset",
            )
        earlier = _of_weights(certificate.weights_sha256, name, registry)
        if earlier is None:
            raise RegistryError(
                f"no version of {name} has the weights that {exported} is of",
                hint=f"they are of run {certificate.run}: fledge models list tells which models are, too",
            )
        registry.fetch(name, earlier.version, folder)
        file = exported_name(exported.suffix.removeprefix("."), certificate.precision)
        shutil.move(Path(scratch, exported.name), folder / file)
        proof = {**certificate.to_dict(), "file": file}
        (folder / (file + ENDING)).write_text(json.dumps(proof, indent=1))
        card = json.loads((folder / CARD).read_text())
        card["exports"] = {**(card.get("exports") or {}), file: proof}
        (folder / CARD).write_text(json.dumps(card, indent=1))
        return _tagged(registry.register(earlier.run, folder, name, {**earlier.tags, **tags}), tags, warn)


def fetch_best(run: RunDirectory, backend: ComputeBackend, folder: Path) -> tuple[dict[str, Any], Path]:
    """(card, weights) of a run's best model, fetched below `folder` with what was exported of it.

    Raises RunError for a run that has no finished model.
    """
    record = observe(run, backend)
    if record.state is not RunState.COMPLETED:
        raise RunError(f"run {run.id} is {record.state}: only a completed run's model can be registered or exported")
    assert record.ref is not None
    for pattern in ("best.*", EXPORTED):
        backend.fetch(record.ref, f"outputs/{pattern}", folder)
    weights = folder / "outputs" / "best.safetensors"
    if not weights.exists():
        raise RunError(f"run {run.id} has no model: it executed a script of yours, which fledge knows no model of")
    return json.loads(weights.with_suffix(".json").read_text()), weights


def fetch_version(version: ModelVersion, registry: Registry, folder: Path) -> tuple[dict[str, Any], Path]:
    """(card, weights) of a registered model, fetched below `folder`."""
    registry.fetch(version.name, version.version, folder)
    return json.loads((folder / CARD).read_text()), folder / WEIGHTS


def _tagged(version: ModelVersion, tags: Mapping[str, str], warn: Callable[[str], None]) -> ModelVersion:
    """The version, with a warning where it was there before and lacks one of these tags."""
    lacking = [f"{key}={value}" for key, value in tags.items() if version.tags.get(key) != value]
    if lacking:
        who = f"{version.name}/{version.version}"
        warn(
            f"{who} was registered before, and keeps its tags: it has not {', '.join(lacking)}; a name that moves from "
            f"version to version is an alias: fledge models promote {who} --alias ALIAS"
        )
    return version


def _check_name(name: str) -> None:
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a model", hint=f"a name has {NAME_WORDS}")


def _of_weights(weights_sha256: str, name: str, registry: Registry) -> ModelVersion | None:
    same = [one for one in registry.versions(name) if one.card.get("weights_sha256") == weights_sha256]
    return same[-1] if same else None


def _code(run: RunDirectory) -> dict[str, Any]:
    """Which source files went with the run, each by its SHA-256 where the run still has it, and the digest over all."""
    snapshot = run.plan()["job"]["snapshot"]
    kept = {name: run.path / FOLDER / name for name in snapshot["files"]}
    files = {name: file_sha256(path) if path.is_file() else None for name, path in kept.items()}
    return {"files": files, "sha256": snapshot.get("sha256")}


def _lineage(run: RunDirectory) -> dict[str, Any]:
    """Where the run came from, as its journal has it: git, overrides, packages, hardware; for when it is deleted."""
    told: dict[str, Any] = {}
    for event in events(run.path):
        if event["event"] == "lineage":
            told |= event
    return {key: value for key, value in told.items() if key not in ("event", "time")}


_TOGETHER = "fledge export writes a file and its certificate: register it where both of them lie"
