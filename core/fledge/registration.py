"""Trained -> ModelVersion: puts a finished run's best model into a registry."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fledge.certificate import ENDING, read
from fledge.discovery.catalog import Catalog
from fledge.errors import RunError, UsageError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.exporter import Exporter
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.interfaces.state import RunState
from fledge.runs.observe import observe
from fledge.runs.run_directory import RunDirectory
from fledge.spec.names import NAME_PATTERN

WEIGHTS = "model.safetensors"
CARD = "model.json"
# What else of a run's outputs belongs to its model.
_EXPORTED = "model*"


def registry_of(name: str, catalog: Catalog, home: Path, told: Mapping[str, object] | None = None) -> Registry:
    registry: Registry = catalog.make("registry", name, told or {}, home)
    return registry


def register_run(
    run: RunDirectory, name: str, backend: ComputeBackend, registry: Registry, tags: Mapping[str, str]
) -> ModelVersion:
    """The next version of `name`: the run's best weights and their card.

    Raises UsageError for an unfit name, RunError for a run that has no finished model.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a model", hint="letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryDirectory() as scratch:
        folder = Path(temporary)
        card, weights = fetch_best(run, backend, Path(scratch))
        shutil.move(weights, folder / WEIGHTS)
        # In the card, so that every registry tells of the proof without the files.
        exports = _take_along((weights.parent, run.outputs), folder, card["weights_sha256"])
        told = {**card, "file": WEIGHTS, "exports": exports, "code": _code(run)}
        (folder / CARD).write_text(json.dumps(told, indent=1))
        return registry.register(run.id, folder, name, tags)


def fetch_best(run: RunDirectory, backend: ComputeBackend, folder: Path) -> tuple[dict[str, Any], Path]:
    """(card, weights) of a run's best model, fetched below `folder` with what was exported of it.

    Raises RunError for a run that has no finished model.
    """
    record = observe(run, backend)
    if record.state is not RunState.COMPLETED:
        raise RunError(f"run {run.id} is {record.state}: only a completed run's model can be registered or exported")
    assert record.ref is not None
    for pattern in ("best.*", _EXPORTED):
        backend.fetch(record.ref, f"outputs/{pattern}", folder)
    weights = folder / "outputs" / "best.safetensors"
    if not weights.exists():
        raise RunError(f"run {run.id} has no model: it executed a script of yours, which fledge knows no model of")
    return json.loads(weights.with_suffix(".json").read_text()), weights


def exported_name(form: str, exporter: Exporter) -> str:
    """What the exported file of a run is called among its outputs."""
    precision = "" if exporter.precision == "fp32" else f"-{exporter.precision}"
    return f"model{precision}.{form}"


def _take_along(places: Iterable[Path], folder: Path, weights_sha256: str) -> dict[str, Any]:
    """Copy exported files with their certificates; what was exported later lies in the run's folder on this machine."""
    certificates: dict[str, Any] = {}
    for place in places:
        for path in sorted(place.glob(_EXPORTED)):
            certificate = None if path.name.endswith(ENDING) else read(path)
            # Of another model: the run was resumed, say, since it was exported.
            if certificate is None or certificate.weights_sha256 != weights_sha256:
                continue
            for one in (path, path.with_name(path.name + ENDING)):
                shutil.copyfile(one, folder / one.name)
            certificates[path.name] = certificate.to_dict()
    return certificates


def _code(run: RunDirectory) -> dict[str, Any]:
    """Which source files went with the run: their number, and the digest over all."""
    snapshot = run.plan()["job"]["snapshot"]
    return {"files": len(snapshot["files"]), "sha256": snapshot.get("sha256")}
