"""Prediction: a stream of pictures to a stream of answers, in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fledge.data.ahead import ahead
from fledge.data.examination import problem_with
from fledge.inference.classifier import Classifier
from fledge.inference.sources import Source


@dataclass(frozen=True)
class Prediction:
    """top holds (class, probability), most likely first; it is empty where trouble says why there is none."""

    name: str
    top: tuple[tuple[str, float], ...] = ()
    trouble: str | None = None

    def to_dict(self) -> dict[str, object]:
        """As a line of JSON."""
        if self.trouble is not None:
            return {"path": self.name, "error": self.trouble}
        label, probability = self.top[0]
        top = [{"label": name, "probability": share} for name, share in self.top]
        return {"path": self.name, "label": label, "probability": probability, "top": top}


def predict(classifier: Classifier, pictures: Iterable[Source], *, batch: int, top: int) -> Iterator[Prediction]:
    """One answer a picture, in order. Pictures are decoded by threads, two batches ahead."""

    def seen(source: Source) -> tuple[Source, NDArray[np.uint8] | None, str | None]:
        if source.trouble is not None:
            return source, None, source.trouble
        try:
            return source, classifier.see(source.file()), None
        except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
            return source, None, _trouble(source, error)

    ready = ahead(seen, pictures, 2 * batch)
    while some := list(islice(ready, batch)):
        pixels = [one for _, one, _ in some if one is not None]
        answers = iter(classifier(np.stack(pixels)) if pixels else ())
        for source, one, trouble in some:
            found = tuple(classifier.top(next(answers), top)) if one is not None else ()
            yield Prediction(source.name, found, trouble)


def _trouble(source: Source, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is a link to nowhere" if Path(source.name).is_symlink() else "there is no such file"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    try:
        return problem_with(error, source.size())
    except OSError:
        # It has gone meanwhile.
        return problem_with(error)
