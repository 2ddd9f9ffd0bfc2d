"""Exported files, and the exporters that open them."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import DataError, UnknownName, UsageError
from fledge.interfaces.exporter import Exporter, Predictor


def exporter_of(path: Path, catalog: Catalog) -> type[Exporter]:
    """The one that is offered under the file's ending. Raises UsageError, DataError where the offer is another's."""
    form = path.suffix.removeprefix(".")
    try:
        exporter = catalog.implementation("extension", form)
    except UnknownName:
        known = ", ".join(f".{one.offer.name}" for one in catalog.offers("extension"))
        raise UsageError(
            f"{path} is no exported file: its name ends in {f'.{form}' if form else 'nothing that tells its format'}",
            hint=f"those that can be asked end in {known or 'what a plugin offers, and there is none'}",
        ) from None
    if not (isinstance(exporter, type) and issubclass(exporter, Exporter)):
        raise DataError(f"{path}: the extension {form!r} is no exporter, which could open it")
    return exporter


def opening(path: Path, catalog: Catalog) -> Future[Predictor]:
    """Begins to open the file in a thread; whoever asks for the result hears what `exporter_of` and `open` raise.

    A runtime prepares a network without Python's lock, and there is more to import meanwhile.
    """
    exporter = exporter_of(path, catalog)
    thread = ThreadPoolExecutor(1)
    opened = thread.submit(exporter.open, path)
    thread.shutdown(wait=False)
    return opened
