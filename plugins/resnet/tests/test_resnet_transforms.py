"""How an image becomes an input: shapes, seeds, and that the description is enough to do the same elsewhere."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from fledge_resnet.model import ResNet18
from fledge_resnet.options import ResNetOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

MODEL = ResNet18(ResNetOptions(weights="none"))


def picture(width: int, height: int) -> torch.Tensor:
    noise = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return torch.from_numpy(noise).permute(2, 0, 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 500), st.integers(20, 500), st.integers(32, 300), st.booleans())
def test_any_image_becomes_a_plain_square(width: int, height: int, size: int, train: bool) -> None:
    made = ResNet18(ResNetOptions(weights="none", image_size=size)).transforms(train)(picture(width, height))
    assert type(made) is torch.Tensor
    assert (made.dtype, made.shape) == (torch.uint8, (3, size, size))


def test_training_is_random_and_seeded_by_torch_alone() -> None:
    transform, image = MODEL.transforms(True), picture(300, 200)

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return transform(image)

    first = drawn(1)
    np.random.seed(7)
    assert torch.equal(first, drawn(1))
    assert not torch.equal(first, drawn(2))


def test_evaluation_draws_nothing() -> None:
    before = torch.get_rng_state()
    image = picture(300, 200)
    assert torch.equal(MODEL.transforms(False)(image), MODEL.transforms(False)(image))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("train", [True, False])
def test_transforms_travel_to_loader_processes(train: bool) -> None:
    transform, image = MODEL.transforms(train), picture(300, 200)
    torch.manual_seed(3)
    here = transform(image)
    torch.manual_seed(3)
    assert torch.equal(here, pickle.loads(pickle.dumps(transform))(image))


@pytest.mark.parametrize(
    ("width", "height", "size"), [(500, 375, 224), (333, 500, 224), (300, 300, 96), (301, 478, 97)]
)
def test_the_description_is_enough_for_another_program(width: int, height: int, size: int) -> None:
    model, image = ResNet18(ResNetOptions(weights="none", image_size=size)), picture(width, height)
    mean, std = (torch.tensor(values)[:, None, None] for values in model.normalization())
    seen = (model.transforms(False)(image) / 255 - mean) / std
    described = as_described(dict(model.describe_transforms()), Image.fromarray(image.permute(1, 2, 0).numpy()))
    # One level of 255 is what two libraries may differ by when they resize.
    levels = (described - seen).abs() * std * 255
    assert levels.max() < 1.001
    assert levels.mean() < 0.1


@pytest.mark.parametrize(("size", "resize"), [(32, 37), (224, 256), (448, 512), (1024, 1170)])
def test_the_resize_keeps_the_well_known_ratio(size: int, resize: int) -> None:
    described = ResNet18(ResNetOptions(weights="none", image_size=size)).describe_transforms()
    assert (described["resize"], described["crop"]) == (resize, size)


def as_described(how: dict[str, Any], image: Image.Image) -> torch.Tensor:
    """Pillow and NumPy only, from the description's words."""
    assert (how["interpolation"], how["channel_order"], how["layout"]) == ("bilinear", "RGB", "NCHW")
    edge, crop = how["resize"], how["crop"]
    shorter = min(image.size)
    width, height = (edge if side == shorter else int(edge * side / shorter) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    pixels = np.asarray(image.crop((left, top, left + crop, top + crop))).astype(np.float32) * how["scale"]
    normal = (pixels - np.array(how["mean"])) / np.array(how["std"])
    return torch.from_numpy(normal.astype(np.float32)).permute(2, 0, 1)
