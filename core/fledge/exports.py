"""Exported files among what belongs to a model: how they are called, and which of them go along with it."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from fledge.certificate import ENDING, Certificate, read
from fledge.errors import DataError, PluginError

WEIGHTS = "model.safetensors"
CARD = "model.json"
# What else of a run's outputs belongs to its model.
EXPORTED = "model*"


def exported_name(form: str, precision: str) -> str:
    """What the exported file of a model is called. Raises PluginError for a format whose files cannot be kept so."""
    name = f"model{'' if precision == 'fp32' else f'-{precision}'}.{form}"
    # Also where a disk takes letters of either case for the same.
    if name.lower() in (WEIGHTS, CARD):
        raise PluginError(
            f"the exporter {form!r} would write {name}, which is where the model itself is kept",
            hint="its plugin has to offer it under another name: the name is the ending of its files",
        )
    if Path(name).suffix != f".{form}":
        raise PluginError(
            f"the exporter {form!r} would write {name}, and nobody could tell by that file's ending who opens it",
            hint="its plugin has to offer it under a name without dots and slashes",
        )
    return name


def copied(exported: Path, folder: Path) -> Certificate | None:
    """Copy an exported file and what is beside it into `folder`; the certificate, where it is one of the copy's bytes.

    Raises FileNotFoundError where there is no certificate, DataError where it cannot be read.
    """
    # The copy is what is looked at: the file may be replaced at any moment.
    for one in (exported, exported.with_name(exported.name + ENDING)):
        shutil.copyfile(one, folder / one.name)
    return read(folder / exported.name)


def take_along(
    places: Iterable[Path], folder: Path, weights_sha256: str, warn: Callable[[str], None]
) -> dict[str, Certificate]:
    """Copy into `folder` the exported files that are proved to be of these weights, each with its certificate.

    Of two places that have a file of one name, the later one counts. Whatever stays behind is warned of.
    """
    taken: dict[str, Certificate] = {}
    left: dict[str, str] = {}
    for place in places:
        for path in sorted(place.glob(EXPORTED)):
            if not path.with_name(path.name + ENDING).is_file():
                continue
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    certificate = copied(path, Path(scratch))
                except DataError as error:
                    left[path.name] = error.message
                    continue
                if certificate is None:
                    left[path.name] = "its certificate is one of other bytes"
                elif certificate.weights_sha256 != weights_sha256:
                    # The run was resumed, say, since it was exported.
                    left[path.name] = "it is of other weights"
                else:
                    for one in Path(scratch).iterdir():
                        shutil.move(one, folder / one.name)
                    taken[path.name] = certificate
    for name, why in left.items():
        if name not in taken:
            warn(f"{name} is not kept with the model: {why}; export it again, and then register the run again")
    return taken
