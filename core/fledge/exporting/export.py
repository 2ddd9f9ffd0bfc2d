"""A trained model -> an exported file, and its certificate."""

import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fledge.atomic import sync_folder
from fledge.certificate import ENDING, Certificate
from fledge.data.preprocessing import Preprocessing
from fledge.digest import file_sha256
from fledge.discovery.catalog import Catalog
from fledge.errors import RunError
from fledge.exporting.comparison import compare, drawn, prepared
from fledge.exporting.restored import Restored
from fledge.interfaces.exporter import Exporter
from fledge.interfaces.progress import Progress

# Enough for the ranges of activations; each costs a pass through the network in float32.
_CALIBRATION_IMAGES = 256


def export(
    card: Mapping[str, Any],
    weights: Path,
    exporter: Exporter,
    path: Path,
    catalog: Catalog,
    cache: Path,
    progress: Progress,
    warn: Callable[[str], None],
) -> Certificate:
    """Write `path`, and beside it what came of comparing it with the network on the validation split.

    A file that does not answer as the network does is written too, and its certificate has faults.

    Raises DataError for weights or data that are not those of the card, RunError where the disk is full.
    """
    restored = Restored.of(card, weights, catalog, cache, progress, warn)
    preprocessing = Preprocessing.described(card["transforms"])
    seed = int(card["spec"].get("seed", 0))
    edge, train = restored.model.shorter_edge(), restored.dataset.split("train")

    def calibration() -> Iterator[NDArray[Any]]:
        order = np.random.default_rng(seed).permutation(len(train))[:_CALIBRATION_IMAGES]
        return prepared([train[index] for index in order.tolist()], edge, preprocessing)

    example = torch.from_numpy(np.repeat(next(calibration())[:1], 2, axis=0))
    with _both_or_neither(path, path.with_name(path.name + ENDING)) as (temporary, proof):
        progress(f"writing {path.name}", 0, 1)
        exporter.write(restored.network, example, calibration, _metadata(card, exporter, edge), temporary)
        _onto_the_disk(temporary)
        val = restored.dataset.split("val")
        samples = drawn(val, seed)
        found = compare(restored, exporter.open(temporary), preprocessing, samples, progress)
        certificate = Certificate(
            file=path.name,
            file_sha256=file_sha256(temporary),
            size=temporary.stat().st_size,
            weights_sha256=card["weights_sha256"],
            run=card["run"],
            dataset=card["dataset"],
            precision=exporter.precision,
            total=len(val),
            seed=seed if len(samples) < len(val) else None,
            versions=_versions(exporter),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            **found,
        )
        proof.write_text(json.dumps(certificate.to_dict(), indent=1))
        _onto_the_disk(proof)
    return certificate


@contextmanager
def _both_or_neither(path: Path, beside: Path) -> Iterator[tuple[Path, Path]]:
    """Where to write two files of one folder meanwhile, which come to their places at the end.

    Raises RunError where the disk is full.
    """
    temporary, proof = (one.with_name(f".{one.name}.{os.getpid()}.part") for one in (path, beside))
    try:
        yield temporary, proof
        # Neither before there is room for both.
        temporary.replace(path)
        proof.replace(beside)
        sync_folder(path.parent)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror or error}", hint="make room there, or name another place"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
        proof.unlink(missing_ok=True)


def _onto_the_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _metadata(card: Mapping[str, Any], exporter: Exporter, edge: int | None) -> dict[str, str]:
    """All that a program without fledge needs to use the file, and where it comes from."""
    told = {
        "classes": card["classes"],
        "preprocessing": {**card["transforms"], "shorter_edge": edge},
        "run": card["run"],
        "weights_sha256": card["weights_sha256"],
        "dataset": card["dataset"],
        "precision": exporter.precision,
        "fledge": version("fledge"),
    }
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in told.items()}


def _versions(exporter: Exporter) -> dict[str, str]:
    return {
        "fledge": version("fledge"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "pillow": version("pillow"),
        **exporter.versions(),
    }
