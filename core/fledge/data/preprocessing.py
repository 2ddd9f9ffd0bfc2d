"""Preprocessing: how an image becomes what a network sees of it, wherever nothing is random."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fledge.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

# Nearly all of an image so many times larger than what is seen of it is cropped away: it is very long and thin.
_THIN = 16
# Pixels of what Pillow makes on the way, an image widened and not yet lowered.
_TALL = 1 << 22
_ALWAYS: Mapping[str, object] = {"interpolation": "bilinear", "antialias": True, "channel_order": "RGB"}


@dataclass(frozen=True)
class Preprocessing:
    """Bilinear resizing with antialiasing, then a cut from the middle; validation, prediction and serving share it.

    resize  a number: what the shorter edge becomes, the longer one keeping the ratio and rounded down;
            (height, width): exactly that
    crop    edge of the central square; its offsets are half the difference, halves rounded to even. None: no cut
    """

    resize: int | tuple[int, int]
    crop: int | None = None

    @classmethod
    def described(cls, told: Mapping[str, Any]) -> "Preprocessing":
        """From the words of `describe`, among others. Raises DataError where they say something else."""
        same = isinstance(told, Mapping) and all(told.get(key, value) == value for key, value in _ALWAYS.items())
        match told if same else None:
            case {"resize": int(edge), "crop": int(crop)} if 0 < crop <= edge:
                return cls(edge, crop)
            case {"resize": [int(height), int(width)], **rest} if min(height, width) > 0 and not rest.get("crop"):
                return cls((height, width))
        raise DataError(
            f"nobody but the model itself can prepare an image for it: it describes that as {told}",
            hint="a Model whose images are resized to [height, width], or by their shorter edge and then cropped, "
            "can say so in `describe_transforms` as fledge.Preprocessing does",
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of what is seen."""
        if isinstance(self.resize, int):
            # Whoever resizes the shorter edge alone crops too: what `described` takes, at least.
            edge = self.crop or self.resize
            return edge, edge
        return self.resize

    def describe(self) -> dict[str, object]:
        """As JSON, for `Model.describe_transforms`."""
        resize = self.resize if isinstance(self.resize, int) else list(self.resize)
        cut = {} if self.crop is None else {"crop": self.crop}
        return {"resize": resize, **cut, **_ALWAYS}

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB [H, W, 3] of any size to RGB [crop, crop, 3], or [height, width, 3]."""
        return self.of(Image.fromarray(np.ascontiguousarray(pixels)))

    def of(self, image: Image.Image) -> NDArray[np.uint8]:
        """The same of an RGB image."""
        width, height = image.size
        whole_height, whole_width = self._resized(height, width)
        seen_height, seen_width = (self.crop, self.crop) if self.crop else (whole_height, whole_width)
        top, left = round((whole_height - seen_height) / 2), round((whole_width - seen_width) / 2)
        if (whole_height, whole_width) != (height, width):
            if whole_height * whole_width > _THIN * seen_height * seen_width:
                # Only what is seen, rounded otherwise here and there: as near to the exact value, one level of 255.
                down, right = height / whole_height, width / whole_width
                box = (
                    left * right,
                    top * down,
                    min(width, (left + seen_width) * right),
                    min(height, (top + seen_height) * down),
                )
                return np.asarray(image.resize((seen_width, seen_height), Image.Resampling.BILINEAR, box=box))
            if whole_width > width and whole_width * height > _TALL:
                # Pillow would widen it first, as tall as it is; this too is one level off here and there.
                image = image.resize((width, whole_height), Image.Resampling.BILINEAR)
            image = image.resize((whole_width, whole_height), Image.Resampling.BILINEAR)
        return np.asarray(image.crop((left, top, left + seen_width, top + seen_height)))

    def tensor(self, image: "Tensor") -> "Tensor":
        """The same for `Model.transforms`: uint8 [3, H, W] to uint8 [3, h, w]."""
        seen = self(image.permute(1, 2, 0).numpy())
        # From the image, because this module is imported where there need be no torch.
        return image.new_tensor(seen).permute(2, 0, 1)

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if not isinstance(self.resize, int):
            return self.resize
        shorter = min(height, width)
        if height == shorter:
            return self.resize, self.resize * width // shorter
        return self.resize * height // shorter, self.resize
