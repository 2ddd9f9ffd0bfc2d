"""Dataset: labelled images in two splits."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from fledge.interfaces.cache import make_cache
from fledge.interfaces.options import Options
from fledge.interfaces.progress import Progress, no_progress

if TYPE_CHECKING:
    from PIL.Image import Image

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")


class Sample(Protocol):
    """One labelled image that has not been decoded yet. Picklable, so that loader processes can take it along."""

    @property
    def name(self) -> str:
        """What a person would call it: usually the path below the data set's root."""

    @property
    def label(self) -> int:
        """Index into the data set's `classes`."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal image bytes, on every machine and in every version: a hash of the content."""

    def load(self, edge: int = 0) -> "Image":
        """Decode: an upright Pillow image in mode RGB, of whatever size it has.

        Where that is quicker, a smaller one whose shorter edge is still `edge` pixels or more.

        Raises DataError, naming the file, when it cannot be decoded.
        """


class Dataset(ABC):
    """Labelled images under a `train` and a `val` split.

    Constructed with its validated options; construction is cheap and touches nothing: no file, and no server.
    `classes` and `split` may be used once this object's `prepare` has returned. Another process makes an object
    of its own and prepares it, from the same cache, to the same end; or it is sent this one's samples.
    """

    def __init__(self, options: Options) -> None:
        self.options = options

    def prepare(self, cache: Path, progress: Progress = no_progress, warn: Callable[[str], None] = print) -> None:
        """Download, generate, unpack, inspect: whatever has to be true before the first sample is read.

        Idempotent and safe to repeat after a kill at any moment: a second call does only what the
        first did not finish. `cache` is a folder of this machine's that outlives runs. `warn` gets
        one line for everything a person should know but that does not stop the run.

        Raises DataError with the list of what is wrong.
        """
        make_cache(cache)
        self._prepare(cache, progress, warn)

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Class names in label order."""

    @abstractmethod
    def split(self, name: Split) -> Sequence[Sample]:
        """The samples of one split, in an order that depends on nothing but the data."""

    @abstractmethod
    def _prepare(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> None: ...
