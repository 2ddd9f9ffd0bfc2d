"""Layout: which files of a folder belong to which class and split."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fledge.errors import DataError
from fledge.interfaces.dataset import SPLITS

# What desktops leave in folders, and hidden files; nobody means them as images.
_LITTER = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Layout:
    """Class names by split ("train", "val", or "" for a folder that has no splits), files by (split, class).

    Names are relative to the root, with forward slashes, sorted.
    """

    classes: dict[str, tuple[str, ...]]
    files: dict[tuple[str, str], tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        return [name for key in sorted(self.files) for name in self.files[key]]

    @property
    def split_already(self) -> bool:
        return "train" in self.classes


def read_layout(root: Path) -> Layout:
    """Raises DataError where the root is no folder of classes."""
    if not root.exists():
        raise DataError(f"there is no folder {root}", hint="name the data set's folder: --set dataset.root=DIR")
    if not root.is_dir():
        raise DataError(f"{root} is a file, not a folder of images")
    top = _folders(root)
    splits: Sequence[str] = [split for split in SPLITS if split in top]
    if "val" in splits and "train" not in splits:
        raise DataError(f"{root} has a folder val, and no folder train beside it")
    classes = {split: tuple(_folders(root / split)) for split in splits} if splits else {"": tuple(top)}
    for split, names in classes.items():
        if not names:
            where = root / split
            raise DataError(
                f"{where} has no folders of classes in it",
                hint=f"images of each class go into a folder named after it: {where / 'CLASS' / 'photo.jpg'}",
            )
    files = {
        (split, name): tuple(_files(root, root / split / name)) for split, names in classes.items() for name in names
    }
    return Layout(classes, files)


def _folders(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _files(root: Path, folder: Path) -> list[str]:
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        kept = [name for name in names if not name.startswith(".") and name.lower() not in _LITTER]
        found += [(Path(path) / name).relative_to(root).as_posix() for name in kept]
    return sorted(found)
