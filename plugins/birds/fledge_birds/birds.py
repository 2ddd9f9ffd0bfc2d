"""Birds: photographs of chickens and turkeys, from the tutorial's archive."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from fledge import DataError, FolderDataset, Progress, download, unpack, write_atomic

from fledge_birds.options import BirdsOptions

_MAX_ARCHIVE = 512 << 20
_MAX_UNPACKED = 2 << 30
_MAX_FILES = 100_000
_HINT = (
    "three ways on:"
    "\n    --set dataset.root=DIR, a copy on this machine (a folder with train/ and val/, or the archive)"
    "\n    --set dataset.url=URL, a mirror"
    "\n    --dataset drawn-birds, birds drawn by code instead"
)


class Birds(FolderDataset):
    """Downloaded once, checked, unpacked, and kept in the cache under the archive's address.

    The archive's SHA-256 must be the one in the options, where there is one, and else that of the
    first download from the same address; it is never another set of photographs in silence.
    """

    options: BirdsOptions

    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        local = self.options.root
        if local is not None and not local.is_file():
            return _photographs(local)
        url = self.options.url if local is None else local.as_uri()
        folder = cache / hashlib.sha256(url.encode()).hexdigest()[:16]
        archive = folder / "archive"
        first_seen = folder / "sha256"
        expected = self.options.sha256 or (first_seen.read_text().strip() if first_seen.exists() else None)
        what = f"downloading {url.rpartition('/')[2] or url}"
        try:
            found = download(url, archive, max_bytes=_MAX_ARCHIVE, sha256=expected, progress=progress, what=what)
            if not first_seen.exists():
                write_atomic(first_seen, found)
                warn(f"{url} has SHA-256 {found}; to have it checked everywhere: --set dataset.sha256={found}")
            unpacked = folder / found[:16]
            unpack(archive, unpacked, max_bytes=_MAX_UNPACKED, max_files=_MAX_FILES, progress=progress)
        except DataError as error:
            raise DataError(f"the photographs of birds cannot be had: {error}", hint=_HINT) from None
        return _photographs(unpacked)


def _photographs(folder: Path) -> Path:
    """The folder that holds train/, here or in the one folder that an archive wraps around its content."""
    if not (folder / "train").is_dir() and folder.is_dir():
        inner = [entry for entry in folder.iterdir() if (entry / "train").is_dir()]
        if len(inner) == 1:
            return inner[0]
    return folder
