"""FolderDataset: a data set that is, in the end, a folder of images."""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fledge.data.findings import tell_leaks, tell_left_out, tell_odd
from fledge.data.folder_options import FolderOptions as FolderOptions
from fledge.data.image_file import ImageFile
from fledge.data.inspection import inspect
from fledge.data.judgement import judge
from fledge.data.layout import read_layout
from fledge.data.storage import storage_error
from fledge.errors import PluginError
from fledge.interfaces.dataset import SPLITS, Dataset, Sample, Split
from fledge.interfaces.progress import Progress


class FolderDataset(Dataset):
    """Images in `train/CLASS/` and `val/CLASS/`, or in `CLASS/` alone, of which a share is then held out.

    An implementation says where the folder is; everything else is done here. Every file is decoded
    once and what was found is kept in the cache, so that another `prepare` reads only what has
    changed. What it finds out is part of the object: each is prepared before it is asked for `classes`
    and `split`, or was pickled after it had been.

    Classes are sorted by name, the samples of a class by their path.
    """

    Options = FolderOptions
    options: FolderOptions

    _classes: tuple[str, ...] | None = None
    _samples: Mapping[Split, Sequence[ImageFile]]

    @abstractmethod
    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        """The folder, made if need be. Held to the promises of `prepare`."""

    @property
    def classes(self) -> tuple[str, ...]:
        if self._classes is None:
            raise PluginError(
                f"{type(self).__name__} was asked for its classes or samples before it was prepared",
                hint="call prepare(cache) in this process first; the second time it is quick",
            )
        return self._classes

    def split(self, name: Split) -> Sequence[Sample]:
        assert self.classes
        return self._samples[name]

    def _prepare(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> None:
        root = self._root(cache, progress, warn).absolute()
        layout = read_layout(root)
        # Not by the options: whoever answers a list of broken files with on_error=skip need not wait a second time.
        index = cache / "examined" / f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
        try:
            examined = inspect(root, layout.names, index, progress)
        except OSError as error:
            raise storage_error(error, "checking images", cache, None) from None
        judgement = judge(layout, examined, self.options)
        judgement.check(root, self.options.on_error)
        if self.options.val_fraction is not None and "val" in layout.files:
            warn(f"val_fraction is not used: {root} has a folder val")
        tell_left_out(judgement, layout, warn)
        tell_odd(examined, warn)
        self._samples = {
            split: [
                ImageFile(str(root), name, label, examined[name].sha256)
                for label, kind in enumerate(judgement.classes)
                for name in judgement.files[split].get(kind, ())
            ]
            for split in SPLITS
        }
        self._classes = judgement.classes
        tell_leaks(self._samples, warn)
