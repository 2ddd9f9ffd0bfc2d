"""What a network sees of an image where nothing is random."""

from typing import Any

import numpy as np
import pytest
from fledge import DataError, Preprocessing
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image


def noise(width: int, height: int) -> NDArray[Any]:
    return np.random.default_rng([width, height]).integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_hand(pixels: NDArray[Any], edge: int, crop: int) -> NDArray[Any]:
    """Pillow's words for it: the whole image, or one channel of floats, resized, then cut."""
    image = Image.fromarray(pixels)
    shorter = min(image.size)
    width, height = (edge if side == shorter else edge * side // shorter for side in image.size)
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + crop, top + crop)))


@given(st.integers(1, 120), st.integers(1, 120), st.integers(1, 40), st.integers(0, 20))
@example(98, 16, 7, 17)
def test_it_is_what_pillow_makes_of_the_whole(width: int, height: int, crop: int, margin: int) -> None:
    pixels = noise(width, height)
    seen = Preprocessing(crop + margin, crop)(pixels)
    assert seen.dtype == np.dtype(np.uint8)
    assert seen.shape == (crop, crop, 3)
    if max(width, height) <= 4 * min(width, height) and margin < crop:
        assert np.array_equal(seen, by_hand(pixels, crop + margin, crop))
    # Where nearly all is cropped away, only a part is resized, whose roundings are others. Each of two passes rounds by
    # half a level at most, as Pillow's own of the whole do: this is as near to what nobody has rounded as that is.
    channels = [by_hand(pixels[..., one].astype(np.float32), crop + margin, crop) for one in range(3)]
    assert np.abs(seen - np.stack(channels, axis=-1)).max() <= 1 + 1e-3


def test_a_very_long_and_thin_image_is_as_cheap_as_any() -> None:
    # Resized as a whole it would have 400 million pixels.
    seen = Preprocessing(256, 224)(np.full((2, 12_000, 3), 7, dtype=np.uint8))
    assert (seen.shape, np.unique(seen).tolist()) == ((224, 224, 3), [7])


@given(st.integers(1, 60), st.integers(1, 60))
def test_an_exact_size(width: int, height: int) -> None:
    pixels = noise(width, height)
    expected = Image.fromarray(pixels).resize((20, 10), Image.Resampling.BILINEAR)
    assert np.array_equal(Preprocessing((10, 20))(pixels), np.asarray(expected))


@pytest.mark.parametrize("one", [Preprocessing(256, 224), Preprocessing((10, 20))])
def test_what_it_says_of_itself_is_enough(one: Preprocessing) -> None:
    assert Preprocessing.described({**one.describe(), "mean": [0, 0, 0]}) == one


@pytest.mark.parametrize("told", [{}, {"resize": 256}, {"resize": 200, "crop": 224}, {"resize": "256", "crop": 224},
                                  {"resize": [1]}, {"resize": [0, 3]}, {"resize": [9, 9], "crop": 3}, [1],
                                  {"resize": 9, "crop": 3, "interpolation": "bicubic"},
                                  {"resize": 9, "crop": 3, "channel_order": "BGR"}])  # fmt: skip
def test_what_says_something_else_is_refused(told: Any) -> None:
    with pytest.raises(DataError, match="nobody but the model itself"):
        Preprocessing.described(told)
