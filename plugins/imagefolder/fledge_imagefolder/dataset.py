"""ImageFolder: a folder that is there already."""

from collections.abc import Callable
from pathlib import Path

from fledge import FolderDataset, Progress

from fledge_imagefolder.options import ImageFolderOptions


class ImageFolder(FolderDataset):
    """Read where it is; nothing is copied and nothing in it is changed."""

    options: ImageFolderOptions

    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        return self.options.root
