"""Trained -> ModelVersion: puts a finished run's best model into a registry."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import RunError, UsageError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.interfaces.state import RunState
from fledge.runs.observe import observe
from fledge.runs.run_directory import RunDirectory
from fledge.spec.run_spec import NAME_PATTERN

WEIGHTS = "model.safetensors"
CARD = "model.json"


def registry_of(name: str, catalog: Catalog, home: Path, told: Mapping[str, object] | None = None) -> Registry:
    options = catalog.options("registry", name, told or {})
    registry: Registry = catalog.implementation("registry", name)(options, home)
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
    record = observe(run, backend)
    if record.state is not RunState.COMPLETED:
        raise RunError(f"run {run.id} is {record.state}: only a completed run's model can be registered")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        assert record.ref is not None
        backend.fetch(record.ref, "outputs/best.*", folder)
        made = folder / "outputs"
        if not (made / "best.safetensors").exists():
            raise RunError(f"run {run.id} has no model: it executed a script of yours, which fledge knows no model of")
        shutil.move(made / "best.safetensors", folder / WEIGHTS)
        card = json.loads((made / "best.json").read_text()) | {"file": WEIGHTS}
        (folder / CARD).write_text(json.dumps(card, indent=1))
        shutil.rmtree(made)
        return registry.register(run.id, folder, name, tags)
