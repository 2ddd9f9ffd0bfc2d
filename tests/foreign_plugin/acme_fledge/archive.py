"""What is in an archive: which members are photographs, and of which split and class."""

import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fledge import DataError, Split

SPLITS: tuple[Split, ...] = ("train", "val")
_SUFFIXES = (".jpg", ".jpeg")
_LAYOUT = "its members should be train/CLASS/NAME.jpg and val/CLASS/NAME.jpg"


@dataclass
class Archive:
    """photos: names of members by split and class. left_out: names of others, but for litter."""

    path: Path
    photos: dict[Split, dict[str, list[str]]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(self.photos["train"]))

    @property
    def names(self) -> list[str]:
        return sorted(name for classes in self.photos.values() for names in classes.values() for name in names)

    def labelled(self, split: Split) -> list[tuple[str, int]]:
        """Names and labels: a class after the other, and each sorted by name."""
        of_split = self.photos[split]
        return [(name, label) for label, kind in enumerate(self.classes) for name in sorted(of_split.get(kind, ()))]


def read_archive(path: Path) -> Archive:
    """Raises DataError for one that cannot be read, or has not got what a training needs."""
    archive = Archive(path)
    members = _members(path)
    for name in members:
        _sort(archive, name)
    for split in SPLITS:
        if split not in archive.photos:
            top = sorted({name.split("/")[0] for name in members})
            held = ", ".join(top[:5]) + (", ..." if len(top) > 5 else "") if top else "nothing"
            raise DataError(f"{path} has no photographs {split}/CLASS/NAME.jpg: it holds {held}", hint=_LAYOUT)
    untrained = sorted(set(archive.photos["val"]) - set(archive.classes))
    if untrained:
        raise DataError(f"{path}: class {untrained[0]!r} is in val/ and not in train/", hint=_LAYOUT)
    if len(archive.classes) < 2:
        raise DataError(f"{path}: there is one class alone, {archive.classes[0]!r}", hint=_LAYOUT)
    return archive


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as opened:
            return sorted({member.filename for member in opened.infolist() if not member.is_dir()})
    except FileNotFoundError:
        raise DataError(f"there is no archive {path}", hint="name it with --set dataset.archive=FILE") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}", hint="it must be a zip file") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
        raise DataError(
            f"{path} is no zip file, or not a whole one: {error}", hint="download it, or pack it, once more"
        ) from None


def _sort(archive: Archive, name: str) -> None:
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        # What desktops leave behind.
        return
    split = next((split for split in SPLITS if parts[:1] == (split,)), None)
    if split is None or len(parts) != 3 or not name.lower().endswith(_SUFFIXES):
        archive.left_out.append(name)
        return
    archive.photos.setdefault(split, {}).setdefault(parts[1], []).append(name)
