"""ImageFile: one labelled image on disk."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fledge.data.pixels import load_rgb
from fledge.errors import DataError


@dataclass(frozen=True, slots=True)
class ImageFile:
    """Implements `fledge.Sample`.

    root:        the data set's folder; the same string for all its samples, which a pickle then holds once
    name:        path below root, with forward slashes
    label:       index into the data set's classes
    fingerprint: SHA-256 of the file's bytes
    """

    root: str
    name: str
    label: int
    fingerprint: str

    @property
    def path(self) -> Path:
        return Path(self.root, self.name)

    def load(self, edge: int = 0) -> Image.Image:
        """With an edge, JPEG is decoded to an eighth, a quarter or half of its size where that is enough.

        Raises DataError where the file cannot be decoded.
        """
        try:
            return load_rgb(self.path, edge)
        except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
            raise DataError(
                f"{self.path} cannot be decoded any more: {error}",
                hint="it was whole when the data set was prepared: restore it, or start anew to see all that is wrong",
            ) from None
