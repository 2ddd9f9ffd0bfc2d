"""Exporter: writes a trained network as a file that answers without PyTorch, and opens such files."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from fledge.interfaces.options import Options


class Predictor(Protocol):
    """An exported file, opened. Any thread may call it."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the file was written with."""

    def __call__(self, pixels: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """RGB images [N, 3, H, W], any N from 1 on, to logits [N, classes]."""


class Exporter(ABC):
    """A file format. Offered as an extension, whose name is the format's and the ending of its files: one without dots,
    and neither `safetensors` nor `json`, in which the model itself is kept.

    A run's `--with NAME` exports what it trained, `fledge export` any model later; both then prove that the file
    answers as the network does. Constructed with its validated options. The module that defines it must be importable
    without torch, which `open` must not need.
    """

    def __init__(self, options: "Options") -> None:
        self.options = options

    @property
    def precision(self) -> str:
        """The number format of the file's arithmetic: "fp32", "fp16" or "int8"."""
        return "fp32"

    def versions(self) -> Mapping[str, str]:
        """Of the libraries that write and read the file: told in its certificate."""
        return {}

    @abstractmethod
    def write(
        self,
        network: "nn.Module",
        example: "Tensor",
        calibration: "Callable[[], Iterator[NDArray[Any]]]",
        metadata: Mapping[str, str],
        path: Path,
    ) -> None:
        """Write one file, `path`, that holds everything and takes batches of any size.

        network      maps uint8 RGB [N, 3, H, W], float32 inside, to logits float32 [N, classes]; in evaluation mode
        example      input of two images
        calibration  each call begins anew with batches uint8 [n, 3, H, W] of training images
        metadata     to be kept in the file
        """

    @classmethod
    @abstractmethod
    def open(cls, path: Path) -> Predictor:
        """Raises DataError where `path` is no such file."""
