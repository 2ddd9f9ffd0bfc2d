"""How an image becomes a ResNet's input: the well-known transfer-learning recipe."""

from collections.abc import Callable, Mapping

import torch
from fledge import Preprocessing
from torch import nn
from torchvision.transforms import v2

# The statistics of ImageNet's training images, which every pretrained torchvision network expects.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_INTERPOLATION = v2.InterpolationMode.BILINEAR


def training(size: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A random part of the image (8% to 100% of its area), mirrored half of the time; draws from torch's generator."""
    crop = v2.RandomResizedCrop(size, interpolation=_INTERPOLATION, antialias=True)
    return nn.Sequential(crop, v2.RandomHorizontalFlip())


def evaluation(size: int) -> Preprocessing:
    """The middle of the image, always the same."""
    return Preprocessing(resize_edge(size), size)


def describe(size: int) -> Mapping[str, object]:
    """What `evaluation(size)` does, in fledge's words, and the normalization.

    Pixels are divided by 255, then `mean` subtracted and `std` divided by, per channel.
    """
    return {
        **evaluation(size).describe(),
        "scale": 1 / 255,
        "mean": list(MEAN),
        "std": list(STD),
        "layout": "NCHW",
        "dtype": "float32",
    }


def resize_edge(size: int) -> int:
    return round(size * 256 / 224)
