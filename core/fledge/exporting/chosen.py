"""What `fledge export` does: a model, from wherever it is kept, to a file."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fledge.certificate import Certificate
from fledge.discovery.catalog import Catalog
from fledge.errors import RunError
from fledge.exporting.export import export
from fledge.interfaces.exporter import Exporter
from fledge.interfaces.progress import Progress
from fledge.runs.places import cache

# Where it was to be put, to (card, weights).
Fetch = Callable[[Path], tuple[dict[str, Any], Path]]


def export_fetched(
    fetch: Fetch, exporter: Exporter, path: Path, catalog: Catalog, progress: Progress, warn: Callable[[str], None]
) -> Certificate:
    """Raises what `fetch` and `export` raise, and RunError for a `path` that cannot be written."""
    with tempfile.TemporaryDirectory() as temporary:
        card, weights = fetch(Path(temporary))
        _make_room(path)
        return export(card, weights, exporter, path, catalog, cache(), progress, warn)


def _make_room(path: Path) -> None:
    """Now, and not when everything is computed."""
    if path.is_dir():
        raise RunError(f"{path} is a folder", hint="name the file to write")
    if path.exists() and not path.is_file():
        raise RunError(
            f"{path} is no regular file, and an exported one would take its place", hint="name the file to write"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}", hint="name another place with -o") from None
    if not os.access(path.parent, os.W_OK):
        raise RunError(f"{path} cannot be written: its folder may only be read", hint="name another place with -o")
