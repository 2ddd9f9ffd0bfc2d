"""How an image becomes a ResNet's input: the well-known transfer-learning recipe."""

from collections.abc import Callable, Mapping

import torch
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


def evaluation(size: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The middle of the image, always the same."""
    resize = v2.Resize(resize_edge(size), interpolation=_INTERPOLATION, antialias=True)
    return nn.Sequential(resize, v2.CenterCrop(size))


def describe(size: int) -> Mapping[str, object]:
    """What `evaluation(size)` does.

    `resize`: the shorter edge becomes this long, the longer one keeps the ratio and is rounded down. Libraries round
    a shrunken or enlarged image's pixels to one level of 255 or to the next.
    `crop`: edge of the central square; its offsets are half the difference, halves rounded to even.
    Pixels are then divided by 255, and `mean` subtracted and `std` divided by, per channel.
    """
    return {
        "resize": resize_edge(size),
        "crop": size,
        "interpolation": "bilinear",
        "antialias": True,
        "scale": 1 / 255,
        "mean": list(MEAN),
        "std": list(STD),
        "channel_order": "RGB",
        "layout": "NCHW",
        "dtype": "float32",
    }


def resize_edge(size: int) -> int:
    return round(size * 256 / 224)
