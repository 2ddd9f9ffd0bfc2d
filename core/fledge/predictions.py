"""Predictions: what the best epoch's network said of each validation image, kept to be looked at without the data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fledge.errors import DataError

FILE = "predictions.json"
FORMAT = 1
# Classes kept of each image; of a thousand, the others say little.
TOP = 3
# Photos shown of each kind.
SHOWN = 12


@dataclass(frozen=True)
class Predictions:
    """Columns, with a row an image of the validation split, in the split's order.

    epoch   whose network it was, counted from 1
    classes the class names, which all indices below are of
    labels  the class that each image belongs to; losses: its cross-entropy
    top     the TOP likeliest classes, likeliest first; shares: their probabilities
    photos  small JPEGs in base64, by row: of what is shown. There are none before the run has ended

    Of 1000 images 70 to 100 kB, however many classes there are, and at the end up to 24 photos of about 5 kB.
    """

    epoch: int
    classes: list[str]
    names: list[str]
    labels: list[int]
    losses: list[float]
    top: list[list[int]]
    shares: list[list[float]]
    photos: Mapping[int, str] = field(default_factory=dict)

    def most_wrong(self) -> list[int]:
        """Rows: of the images taken for another class those with the highest loss, highest first."""
        wrong = [row for row, label in enumerate(self.labels) if self.top[row][0] != label]
        return sorted(wrong, key=lambda row: -self.losses[row])[:SHOWN]

    def least_sure(self) -> list[int]:
        """Rows: the images whose two likeliest classes are nearest to each other, nearest first."""
        return sorted(range(len(self.labels)), key=self.margin)[:SHOWN]

    def margin(self, row: int) -> float:
        """By how much the likeliest class is likelier than the next."""
        first, second, *_ = self.shares[row]
        return first - second

    def with_photos(self, photos: Mapping[int, str]) -> "Predictions":
        return replace(self, photos=photos)

    def to_json(self) -> str:
        """Numbers are rounded to six digits."""
        told = {"format": FORMAT, **vars(self)}
        told["losses"] = [_rounded(loss) for loss in self.losses]
        told["shares"] = [[_rounded(share) for share in shares] for shares in self.shares]
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def read(cls, outputs: Path) -> "Predictions | None":
        """Those of a run's outputs, if there are any. Raises DataError for a file that is none of ours."""
        path = outputs / FILE
        try:
            told = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}") from None
        return cls._of(told, path)

    @classmethod
    def _of(cls, told: Any, path: Path) -> "Predictions":
        try:
            if told["format"] != FORMAT:
                raise DataError(f"{path} is of format {told['format']}, and this fledge reads {FORMAT}")
            values = {name: told[name] for name in cls.__dataclass_fields__}
            values["photos"] = {int(row): str(photo) for row, photo in values["photos"].items()}
            values["losses"] = list(map(float, values["losses"]))
            values["shares"] = [list(map(float, shares)) for shares in values["shares"]]
            read = cls(**values)
            known = range(len(read.classes))
            columns = zip(read.names, read.labels, read.losses, read.top, read.shares, strict=True)
            for _, label, _, top, shares in columns:
                if len(top) != len(shares) or len(top) < 2 or not all(at in known for at in (label, *top)):
                    raise ValueError("its columns do not fit together")
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(f"{path} does not hold a run's predictions: {error}") from None
        return read


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")
