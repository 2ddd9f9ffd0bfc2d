"""What `fledge export` does: a run's best model, or a registered one, to a file."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from fledge.certificate import Certificate
from fledge.discovery.catalog import Catalog
from fledge.errors import RunError
from fledge.exporting.export import export
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.exporter import Exporter
from fledge.interfaces.progress import Progress
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.registration import CARD, WEIGHTS, fetch_best
from fledge.runs.places import cache
from fledge.runs.run_directory import RunDirectory


def export_run(
    run: RunDirectory,
    backend: ComputeBackend,
    exporter: Exporter,
    path: Path,
    catalog: Catalog,
    progress: Progress,
    warn: Callable[[str], None],
) -> Certificate:
    """Raises RunError for a run that has no finished model."""
    with tempfile.TemporaryDirectory() as temporary:
        card, weights = fetch_best(run, backend, Path(temporary))
        _make_room(path)
        return export(card, weights, exporter, path, catalog, cache(), progress, warn)


def export_version(
    version: ModelVersion,
    registry: Registry,
    exporter: Exporter,
    path: Path,
    catalog: Catalog,
    progress: Progress,
    warn: Callable[[str], None],
) -> Certificate:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        registry.fetch(version.name, version.version, folder)
        card = json.loads((folder / CARD).read_text())
        _make_room(path)
        return export(card, folder / WEIGHTS, exporter, path, catalog, cache(), progress, warn)


def _make_room(path: Path) -> None:
    """Now, and not when everything is computed."""
    if path.is_dir():
        raise RunError(f"{path} is a folder", hint="name the file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}", hint="name another place with -o") from None
