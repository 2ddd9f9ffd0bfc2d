"""From what a network said of the validation images to what is kept of it, with photos of those worth a look."""

import base64
import io
from collections.abc import Sequence
from contextlib import suppress

from torch import Tensor

from fledge.errors import FledgeError
from fledge.interfaces.dataset import Sample
from fledge.predictions import Predictions

_PHOTO_PIXELS = 160
_QUALITY = 80


def predicted(samples: Sequence[Sample], classes: Sequence[str], epoch: int, rows: Tensor) -> Predictions:
    """`rows` as `gathered` has them: of each of these samples."""
    kept = (rows.shape[1] - 1) // 2
    return Predictions(
        epoch=epoch,
        classes=list(classes),
        names=[sample.name for sample in samples],
        labels=[sample.label for sample in samples],
        losses=rows[:, 0].tolist(),
        top=rows[:, 1 + kept :].round().long().tolist(),
        shares=rows[:, 1 : 1 + kept].tolist(),
    )


def with_photos(told: Predictions, samples: Sequence[Sample]) -> Predictions:
    """The same, and a small JPEG of each image that is shown; one that cannot be decoded any more has none."""
    photos = {}
    for row in sorted({*told.most_wrong(), *told.least_sure()}):
        with suppress(FledgeError, OSError):
            photos[row] = _photo(samples[row])
    return told.with_photos(photos)


def _photo(sample: Sample) -> str:
    image = sample.load(_PHOTO_PIXELS)
    image.thumbnail((_PHOTO_PIXELS, _PHOTO_PIXELS))
    content = io.BytesIO()
    # Without what came with the file: colour profiles are larger than the picture.
    image.save(content, "JPEG", quality=_QUALITY, icc_profile=None)
    return base64.b64encode(content.getvalue()).decode()
