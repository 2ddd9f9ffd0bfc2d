"""Birds: photographs of chickens and turkeys, from the tutorial's archive."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from fledge import DataError, FolderDataset, Progress, download, file_sha256, unpack, write_atomic

from fledge_birds.options import BirdsOptions

_MAX_ARCHIVE = 512 << 20
_MAX_UNPACKED = 2 << 30
_MAX_FILES = 100_000
_WAYS = (
    "three ways on:"
    "\n    --set dataset.root=DIR, a copy on this machine (a folder with train/ and val/, or the archive)"
    "\n    --set dataset.url=URL, a mirror"
    "\n    --dataset drawn-birds, birds drawn by code instead"
)


class Birds(FolderDataset):
    """Downloaded once, checked, unpacked, and kept in the cache: the archive by its address, the photographs by
    the archive's content.

    The archive's SHA-256 must be the one in the options, where there is one, and else that of the
    first download from the same address; it is never another set of photographs in silence.
    """

    options: BirdsOptions

    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        local = self.options.root
        if local is None:
            archive, sha256 = self._downloaded(cache, progress, warn)
        elif local.is_file():
            archive, sha256 = local, self._checked(local)
        else:
            if self.options.sha256 is not None:
                warn(f"dataset.sha256 is not checked: it is an archive's, and {local} is a folder")
            return _photographs(local)
        photographs = cache / "photographs" / sha256[:16]
        unpack(archive, photographs, max_bytes=_MAX_UNPACKED, max_files=_MAX_FILES, progress=progress)
        return _photographs(photographs)

    def _downloaded(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> tuple[Path, str]:
        url = self.options.url
        folder = cache / "downloads" / hashlib.sha256(url.encode()).hexdigest()[:16]
        archive, first_seen = folder / "archive", folder / "sha256"
        remembered = first_seen.read_text().strip() if first_seen.exists() else None
        expected = self.options.sha256 or remembered
        try:
            sha256 = download(url, archive, max_bytes=_MAX_ARCHIVE, sha256=expected, progress=progress)
        except DataError as error:
            kept = f"\n  if its owner changed the file, and you want the new one: remove {folder}"
            hint = "\n  ".join(filter(None, [error.hint, _WAYS])) + (kept if remembered else "")
            told = f"the photographs of birds cannot be had: {error.message}"
            raise DataError(told, hint=hint, transient=error.transient) from None
        if remembered is None:
            write_atomic(first_seen, sha256 + "\n")
            if self.options.sha256 is None:
                warn(f"first download: its SHA-256 is {sha256}; to hold it everywhere: --set dataset.sha256={sha256}")
        return archive, sha256

    def _checked(self, archive: Path) -> str:
        found = file_sha256(archive)
        expected = self.options.sha256
        if expected is not None and found != expected.lower():
            raise DataError(
                f"{archive} is not the archive it should be: its SHA-256 is {found}, and {expected} was expected",
                hint="name the right file with --set dataset.root=FILE, or another hash with --set dataset.sha256=",
            )
        return found


def _photographs(folder: Path) -> Path:
    """The folder that holds train/, here or in the one folder that an archive wraps around its content."""
    if folder.is_dir() and not (folder / "train").is_dir():
        inner = [entry for entry in folder.iterdir() if (entry / "train").is_dir()]
        if len(inner) == 1:
            return inner[0]
    return folder
