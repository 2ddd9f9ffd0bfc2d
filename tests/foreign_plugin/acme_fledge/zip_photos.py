"""ZipPhotos: photographs in a zip file, which stays packed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fledge import Dataset, PluginError, Progress, Sample, Split

from acme_fledge.archive import SPLITS, read_archive
from acme_fledge.fingerprints import fingerprints
from acme_fledge.options import ZipOptions
from acme_fledge.zip_photo import ZipPhoto


class ZipPhotos(Dataset):
    """Members `train/CLASS/NAME.jpg` and `val/CLASS/NAME.jpg`. Of other members it is said that they are left out."""

    options: ZipOptions

    _classes: tuple[str, ...] | None = None
    _samples: Mapping[Split, Sequence[ZipPhoto]]

    @property
    def classes(self) -> tuple[str, ...]:
        if self._classes is None:
            raise PluginError("zip-photos was asked for its classes or samples before it was prepared")
        return self._classes

    def split(self, name: Split) -> Sequence[Sample]:
        assert self.classes
        return self._samples[name]

    def _prepare(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> None:
        archive = read_archive(self.options.archive)
        if archive.left_out:
            warn(f"{len(archive.left_out)} members of {archive.path} are left out, {archive.left_out[0]} for one")
        found = fingerprints(archive.path, archive.names, cache, progress)
        self._samples = {
            split: [ZipPhoto(str(archive.path), name, label, found[name]) for name, label in archive.labelled(split)]
            for split in SPLITS
        }
        self._classes = archive.classes
        train, val = ({one.fingerprint: one.name for one in self._samples[split]} for split in SPLITS)
        for same in train.keys() & val.keys():
            warn(f"{train[same]} and {val[same]} are one photograph: what is validated on should not be trained on")
