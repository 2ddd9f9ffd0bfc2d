"""Certificate: the proof that an exported file answers as the trained network does, or that it does not."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fledge.digest import file_sha256
from fledge.errors import DataError

ENDING = ".parity.json"
FORMAT = 1

# Of float32 against float32: rounding alone stays a hundred times below.
MAX_ABS_FP32 = 1e-3
# A point, for formats that compute differently on purpose.
MAX_ACCURACY_DROP = 0.01
# Less than any image's share: 0.96 - 0.95 is more than 0.01, as computers count.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Difference:
    """One image's: the largest absolute difference of its logits, and the class that each saw."""

    image: str
    max_abs: float
    pytorch: str
    exported: str


@dataclass(frozen=True)
class Certificate:
    """What came of asking both about the same images, each with its own preparation of them.

    images of total are those of the validation split that were asked about: all, or as many drawn by `seed`
    top1_agreement  the share of images to which both give the same class
    max_abs         the largest absolute difference of two logits
    max_rel         the same, each as a share of the image's largest logit
    worst           images that differ most, those of another class first
    accuracy        of "pytorch" and of "exported", as shares
    seconds         that either took for all of them, one batch of 32 after another
    """

    file: str
    file_sha256: str
    size: int
    weights_sha256: str
    run: str
    dataset: Mapping[str, Any]
    precision: str
    images: int
    total: int
    seed: int | None
    top1_agreement: float
    max_abs: float
    max_rel: float
    worst: tuple[Difference, ...]
    accuracy: Mapping[str, float]
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    created: str

    def faults(self) -> list[str]:
        """Why nobody should rely on the file; empty where it may be relied on."""
        worst = ", ".join(f"{one.image} ({one.pytorch} became {one.exported})" if one.pytorch != one.exported
                          else f"{one.image} ({one.max_abs:.2g})" for one in self.worst)  # fmt: skip
        found = []
        if self.precision == "fp32":
            if self.top1_agreement < 1:
                found.append(
                    f"it agrees with the network on {self.top1_agreement:.2%} of {self.images} images, not all"
                )
            if not self.max_abs <= MAX_ABS_FP32:
                found.append(f"its logits differ by up to {self.max_abs:.2g}, more than {MAX_ABS_FP32:g}")
        drop = self.accuracy["pytorch"] - self.accuracy["exported"]
        if not drop <= MAX_ACCURACY_DROP + _ROUNDING:
            found.append(f"its accuracy is {drop:.1%} lower, more than {MAX_ACCURACY_DROP:.0%}")
        return [*found, f"worst: {worst}"] if found else []

    def summary(self) -> str:
        """A line for people."""
        of = f"{self.images} images" if self.images == self.total else f"{self.images} of {self.total} images"
        times = self.seconds["pytorch"] / self.seconds["exported"] if self.seconds["exported"] else 0.0
        return (
            f"{self.precision}, {self.size / 1e6:.1f} MB; the same class for {self.top1_agreement:.1%} of {of}, logits "
            f"differ by {self.max_abs:.2g} at most; accuracy {self.accuracy['exported']:.1%}, "
            f"in PyTorch {self.accuracy['pytorch']:.1%}; {times:.1f} times as fast"
        )

    def to_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self), "faults": self.faults()}

    @classmethod
    def of(cls, told: Mapping[str, Any], where: str) -> "Certificate":
        """From `to_dict`; what it says of faults is judged anew. Raises DataError."""
        try:
            if told["format"] != FORMAT:
                raise DataError(f"{where} is of format {told['format']}, and this fledge reads {FORMAT}")
            values = {name: told[name] for name in cls.__dataclass_fields__}
            worst = tuple(Difference(**one) for one in values.pop("worst"))
            return cls(**values, worst=worst)
        except (KeyError, TypeError) as error:
            raise DataError(f"{where} is no parity certificate: {error}", hint="export the model again") from None


def read(exported: Path) -> Certificate | None:
    """The certificate beside an exported file; None where there is none, or one of other bytes."""
    beside = exported.with_name(exported.name + ENDING)
    try:
        told = json.loads(beside.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{beside} cannot be read: {error}", hint="export the model again") from None
    certificate = Certificate.of(told, str(beside))
    return certificate if certificate.file_sha256 == file_sha256(exported) else None
