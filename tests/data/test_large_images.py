"""Images that are large enough to be treated in parts are as those that are not."""

import io
from typing import Any

import numpy as np
import pytest
from fledge import Preprocessing
from fledge.data.footprint import footprint
from fledge.data.pixels import load_rgb
from numpy.typing import NDArray
from PIL import Image

NOISE = np.random.default_rng(0)


def loaded(image: Image.Image, **how: Any) -> NDArray[Any]:
    file = io.BytesIO()
    image.save(file, **{"format": "PNG", "compress_level": 0, **how})
    return np.asarray(load_rgb(file))


@pytest.mark.parametrize("shape", [(1500, 1400), (3, 1_200_000), (1_200_000, 1)])
def test_transparency_is_on_white_everywhere(shape: tuple[int, int]) -> None:
    image = Image.fromarray(NOISE.integers(0, 256, (*shape, 4), dtype=np.uint8))
    expected = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    assert np.array_equal(loaded(image), np.asarray(expected))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_everywhere(kind: str) -> None:
    deep = NOISE.integers(0, 65536, (1500, 1400), dtype=np.uint16)
    seen = loaded(Image.fromarray(deep), format=kind)
    assert np.array_equal(seen, np.repeat(np.round(deep / 257).astype(np.uint8)[..., None], 3, axis=2))


def test_palettes_keep_their_colours_everywhere() -> None:
    image = Image.fromarray(NOISE.integers(0, 256, (1500, 1400), dtype=np.uint8)).convert("P")
    image.putpalette(NOISE.integers(0, 256, 768, dtype=np.uint8).tobytes())
    assert np.array_equal(loaded(image), np.asarray(image.convert("RGB")))


def test_a_tall_image_is_widened_last() -> None:
    pixels = NOISE.integers(0, 256, (30_000, 3, 3), dtype=np.uint8)
    seen = Preprocessing((10, 2000))(pixels)
    expected = Image.fromarray(pixels).resize((2000, 10), Image.Resampling.BILINEAR)
    assert np.abs(seen.astype(int) - np.asarray(expected)).max() <= 1


def test_what_is_counted_is_no_less_than_the_images_themselves() -> None:
    for mode, most in (("L", 9), ("RGB", 8), ("RGBA", 12), ("I;16", 10), ("P", 9)):
        file = io.BytesIO()
        Image.new(mode, (3000, 1000)).save(file, "PNG")
        assert most * 3_000_000 <= footprint(Image.open(file)) < (most + 1) * 3_000_000
    file = io.BytesIO()
    Image.new("RGB", (3000, 1000)).save(file, "JPEG", progressive=True)
    # Its coefficients, and an image of an eighth of its size.
    assert 6 * 3_000_000 < footprint(Image.open(file), 100) < 7 * 3_000_000
