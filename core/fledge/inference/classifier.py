"""Classifier: an exported file with what is needed to ask it about pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from fledge.data.decoding import shrunk
from fledge.data.footprint import footprint
from fledge.data.pixels import load_rgb
from fledge.data.preprocessing import Preprocessing
from fledge.discovery.catalog import Catalog
from fledge.errors import DataError
from fledge.inference.exported import exporter_of
from fledge.interfaces.exporter import Predictor

_OURS = "fledge export writes files that can be asked"


@dataclass(frozen=True)
class Classifier:
    """edge: larger images are shrunk to a shorter edge of so many pixels first, as they were in training."""

    path: Path
    predictor: Predictor
    classes: Sequence[str]
    preprocessing: Preprocessing
    edge: int | None

    @classmethod
    def open(cls, path: Path, catalog: Catalog) -> "Classifier":
        """By the exporter that is offered under the file's ending. Raises DataError, or UsageError."""
        return cls.of(path, exporter_of(path, catalog).open(path))

    @classmethod
    def of(cls, path: Path, predictor: Predictor) -> "Classifier":
        """Raises DataError where the file does not say what its answers mean."""
        try:
            classes, how = (json.loads(predictor.metadata[key]) for key in ("classes", "preprocessing"))
        except (KeyError, ValueError):
            classes, how = None, None
        if not (isinstance(classes, list) and all(isinstance(one, str) for one in classes) and isinstance(how, dict)):
            raise DataError(f"{path} does not tell its classes and how it wants its images", hint=_OURS)
        try:
            preprocessing = Preprocessing.described(how)
        except DataError as error:
            raise DataError(f"{path}: {error.message}", hint=_OURS) from None
        edge = how.get("shorter_edge")
        return cls(path, predictor, classes, preprocessing, edge if isinstance(edge, int) and edge > 0 else None)

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.predictor.metadata

    def see(self, file: Path | BinaryIO) -> NDArray[np.uint8]:
        """What the network sees of an image file: uint8 [3, h, w]. Raises what a decoder raises."""
        return self.preprocessing.of(shrunk(load_rgb(file, self.edge or 0), self.edge)).transpose(2, 0, 1)

    def footprint(self, image: Image) -> int:
        """Bytes of memory that `see` takes at most for an image that is opened and not yet decoded."""
        return footprint(image, self.edge or 0)

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities [N, classes] of uint8 [N, 3, h, w]. Raises DataError for a file that is not what it says."""
        logits = self._logits(pixels).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def try_out(self) -> None:
        """Ask it about two pictures of nothing. Raises DataError for a file that is not what it says."""
        self(np.zeros((2, 3, *self.preprocessing.size), dtype=np.uint8))

    def _logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        (height, width), count = self.preprocessing.size, len(pixels)
        try:
            found = self.predictor(pixels)
        except Exception as error:  # noqa: BLE001 -- whatever the format's own library raises
            raise DataError(
                f"{self.path} says that it wants its images {height} x {width}, and cannot be asked about {count} of "
                f"them: {' '.join(str(error).split())}",
                hint=_OURS,
            ) from None
        if np.shape(found) != (count, len(self.classes)):
            raise DataError(
                f"{self.path} tells of {len(self.classes)} classes, and answers {count} images with numbers of shape "
                f"{list(np.shape(found))}, not {[count, len(self.classes)]}",
                hint=_OURS,
            )
        return found

    def top(self, probabilities: NDArray[np.float64], count: int) -> list[tuple[str, float]]:
        """The most likely classes of one image, most likely first, each with its probability."""
        order = np.argsort(-probabilities, kind="stable")[:count]
        return [(self.classes[at], float(probabilities[at])) for at in order.tolist()]
