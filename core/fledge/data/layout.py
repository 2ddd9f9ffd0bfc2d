"""Layout: which files of a folder belong to which split and class."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fledge.data.entries import plain_entries
from fledge.errors import DataError
from fledge.interfaces.dataset import SPLITS, Split

# Names of splits that would otherwise be taken for classes.
_SPLIT_LIKE = {"train", "training", "val", "valid", "validation", "test", "testing"}

Part = Split | Literal["all"]


@dataclass
class Layout:
    """Files by part and class: parts "train" and "val", as far as there are such folders, or "all" without either.

    files:      names relative to the root, with forward slashes, sorted; classes sorted too
    strays:     files beside the class folders, which belong to no class
    unreadable: what is wrong with folders that cannot be looked into
    """

    root: Path
    files: dict[Part, dict[str, list[str]]] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return sorted(name for classes in self.files.values() for names in classes.values() for name in names)


def read_layout(root: Path) -> Layout:
    """Raises DataError where the root is no folder of class folders."""
    if not root.is_dir():
        found = f"{root} is a file, not a folder of images" if root.exists() else f"there is no folder {root}"
        raise DataError(found, hint="name it with --set dataset.root=DIR")
    layout = Layout(root)
    try:
        folders, files = plain_entries(root)
        splits = [split for split in SPLITS if split in folders]
        for split in splits:
            _read_part(layout, split, root / split)
        if not splits:
            _check_names(root, folders, files)
            _read_part(layout, "all", root)
    except OSError as error:
        raise DataError(f"{error.filename or root} cannot be read: {error.strerror or error}") from None
    for part, classes in layout.files.items():
        if not classes:
            where = root if part == "all" else root / part
            raise DataError(
                f"{where} has no folders of classes in it: it holds {_described(layout.strays)}",
                hint=f"the images of each class go into a folder of its name: {where / 'CLASS' / 'photo.jpg'}",
            )
    return layout


def _read_part(layout: Layout, part: Part, folder: Path) -> None:
    classes, beside = plain_entries(folder)
    layout.strays += [(folder / name).relative_to(layout.root).as_posix() for name in beside]
    layout.files[part] = {name: _images(layout, folder / name) for name in classes}


def _images(layout: Layout, folder: Path) -> list[str]:
    """All files below, at any depth; links to folders are followed, but not in circles."""
    found, seen, waiting = [], {folder.resolve()}, [folder]
    while waiting:
        here = waiting.pop()
        try:
            folders, files = plain_entries(here)
        except OSError as error:
            name = here.relative_to(layout.root).as_posix()
            layout.unreadable.append(f"{name}/ cannot be looked into: {error.strerror or error}")
            continue
        found += [(here / name).relative_to(layout.root).as_posix() for name in files]
        for inner in (here / name for name in folders):
            if inner.resolve() not in seen:
                seen.add(inner.resolve())
                waiting.append(inner)
    return sorted(found)


def _check_names(root: Path, folders: list[str], files: list[str]) -> None:
    """Of a root without train/ and val/: what looks like splits must not become classes."""
    alike = [name for name in folders if name.lower() in _SPLIT_LIKE]
    if alike:
        raise DataError(
            f"{root} has no folder train and no folder val, but {', '.join(alike)}",
            hint="rename the folders to train and val: they would be taken for classes",
        )
    inner = [name for name in folders if (root / name / "train").is_dir()]
    if inner:
        raise DataError(
            f"{root} has no folder train, but {inner[0]} in it has one",
            hint=f"did you mean --set dataset.root={root / inner[0]}?",
        )


def _described(files: list[str]) -> str:
    if not files:
        return "nothing"
    return f"{len(files)} file(s): {', '.join(files[:3])}{', ...' if len(files) > 3 else ''}"
