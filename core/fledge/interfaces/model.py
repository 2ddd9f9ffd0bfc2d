"""Model: a network for a given list of classes, and how an image becomes its input."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fledge.interfaces.cache import make_cache
from fledge.interfaces.options import Options
from fledge.interfaces.progress import Progress, no_progress

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate."""

    name: str
    parameters: "list[nn.Parameter]"


class Model(ABC):
    """A trainable classifier.

    Constructed with its validated options; construction is cheap and touches nothing: no file, no server, and not
    torch's random generator.
    """

    def __init__(self, options: Options) -> None:
        self.options = options

    def prepare(self, cache: Path, progress: Progress = no_progress, warn: Callable[[str], None] = print) -> None:
        """Fetch and verify pretrained weights, if the options ask for any. Idempotent; `cache` outlives runs.

        Raises DataError where weights cannot be had or are not the ones they should be.
        """
        make_cache(cache)
        self._prepare(cache, progress, warn)

    def provenance(self) -> Mapping[str, str]:
        """Where the starting weights came from: recorded with the run. Valid after `prepare`."""
        return {}

    @abstractmethod
    def build(self, classes: Sequence[str]) -> "nn.Module":
        """The network: normalized float32 images [N, 3, H, W] to logits [N, len(classes)].

        In eval mode N is any number from 1 on, and each image's logits are its own; so torch can export it.
        Deterministic under torch's global random seed. Called after `prepare`.
        """

    @abstractmethod
    def transforms(self, train: bool) -> "Callable[[Tensor], Tensor]":
        """A picklable callable from an RGB image of any size to what the network sees of it; both uint8 [3, H, W].

        `normalization` is applied afterwards, to whole batches.

        With `train` it may draw from torch's global generator of the CPU, which the data pipeline seeds from
        (seed, epoch, index) before each call, and from nothing else.
        """

    def shorter_edge(self) -> int | None:
        """How much of an image is enough: larger ones are shrunk to a shorter edge of so many pixels.

        It happens before `transforms`, bilinearly. None: they stay as large as they are.
        """
        return None

    def normalization(self) -> tuple[Sequence[float], Sequence[float]]:
        """(mean, std), a number a channel: the network's input is (pixels / 255 - mean) / std."""
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    @abstractmethod
    def describe_transforms(self) -> Mapping[str, object]:
        """What `transforms(train=False)` and `normalization` do, as JSON: enough for another program to do the same.

        To be exported, a model says at least what `fledge.Preprocessing` says, and best does what that does.
        """

    @abstractmethod
    def parts(self, module: "nn.Module") -> "tuple[nn.Module, nn.Module]":
        """(backbone, head), sharing parameters with `module`; head(backbone(x)) equals module(x).

        The backbone's output is [N, F]: what a frozen backbone's feature cache keeps.
        """

    def parameter_groups(self, module: "nn.Module") -> Iterable[ParameterGroup]:
        """Groups from the input to the output, for learning rates that grow with depth; every parameter once."""
        backbone, head = self.parts(module)
        return [
            ParameterGroup("backbone", list(backbone.parameters())),
            ParameterGroup("head", list(head.parameters())),
        ]

    def _prepare(  # noqa: B027 -- a model without pretrained weights has nothing to do here
        self, cache: Path, progress: Progress, warn: Callable[[str], None]
    ) -> None: ...
