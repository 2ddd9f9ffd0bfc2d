"""What a run reads of this machine, where its backend's jobs do not see this machine's files: it travels with them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from fledge.data.entries import plain_entries
from fledge.errors import DataError
from fledge.interfaces.job import DATA_FOLDER, SourceFile


def taken_along(paths: Mapping[str, Path]) -> tuple[SourceFile, ...]:
    """The files that options name by their keys, or that are below the folders that they name, without hidden ones.

    Raises DataError for what is not there or empty, or cannot be looked into.
    """
    found: list[SourceFile] = []
    for key, path in sorted(paths.items()):
        taken = list(_taken(key, path))
        if not taken:
            raise DataError(f"{key}: there are no files in {path}", hint=f"name another folder with --set {key}=PATH")
        found += taken
    return tuple(found)


def as_travelled(spec: Mapping[str, Any], targets: Iterable[str]) -> dict[str, Any]:
    """The spec as the job reads it: an option that named what is among the targets names it where it is there."""
    told = dict(spec)
    for target in targets:
        top, *parts = PurePosixPath(target).parts
        if top == DATA_FOLDER:
            section, option = parts[0].split(".")
            told[section] = {**told[section], option: f"{top}/{parts[0]}/{parts[1]}"}
    return told


def _taken(key: str, path: Path) -> Iterator[SourceFile]:
    # A file or folder keeps the name that it has here.
    target = f"{DATA_FOLDER}/{key}/{path.name}"
    try:
        if path.is_dir():
            for file, name in _below(path, target, {path.resolve()}):
                yield SourceFile(file, name, file.stat().st_size)
        else:
            yield SourceFile(path, target, path.stat().st_size)
    except FileNotFoundError as error:
        raise DataError(
            f"{key}: there is no {error.filename}, and the run would take it along: its backend sees no files of this "
            "machine",
            hint=f"name it with --set {key}=PATH",
        ) from None
    except OSError as error:
        raise DataError(f"{key}: {error.filename or path} cannot be read: {error.strerror or error}") from None


def _below(folder: Path, target: str, above: set[Path]) -> Iterator[tuple[Path, str]]:
    """Links to folders are followed, but not in circles."""
    folders, files = plain_entries(folder)
    for name in files:
        yield folder / name, f"{target}/{name}"
    for inner in (folder / name for name in folders):
        if inner.resolve() not in above:
            yield from _below(inner, f"{target}/{inner.name}", {*above, inner.resolve()})
