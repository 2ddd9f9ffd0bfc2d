"""What the rivals of `throughput.py` share: their arguments, the photographs, the network, and the watch.

They run as modules from the folder above, `python -m rivals.with_lightning PHOTOS WEIGHTS [--same]`, each in its peer's
environment. At the peer's own defaults, or with --same at the settings that fledge has: batches of 32, SGD 0.001/0.9
without a schedule, --precision, channels last; and with --workers, of which fledge has none. The photographs, their
transforms and the weights are alike in both.

Every rival prints one JSON object, whose images_per_second are those of each epoch's training alone, as fledge counts
them: from before the first batch is asked for until the last update, without validation and saving.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18

BATCH, LR, MOMENTUM = 32, 0.001, 0.9
TRAIN = transforms.Compose(
    [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


class Arguments(argparse.Namespace):
    photos: Path
    weights: Path
    epochs: int
    same: bool
    precision: str
    workers: int

    @property
    def bf16(self) -> bool:
        return self.same and self.precision == "bf16"


def arguments() -> Arguments:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--same", action="store_true")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="with --same")
    parser.add_argument("--workers", type=int, default=0, help="with --same: processes that decode")
    torch.manual_seed(0)
    return parser.parse_args(namespace=Arguments())


def photographs(told: Arguments) -> ImageFolder:
    return ImageFolder(told.photos / "train", TRAIN)


def network(weights: Path, classes: int) -> nn.Module:
    model: nn.Module = resnet18()
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.fc = nn.Linear(512, classes)
    return model


def layout(told: Arguments) -> torch.memory_format:
    return torch.channels_last if told.same else torch.contiguous_format


class Watch:
    """Notes how many images a second each epoch trained on."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self._began, self._images = 0.0, 0

    def begins(self) -> None:
        self._began, self._images = time.perf_counter(), 0

    def saw(self, labels: Sequence[object] | torch.Tensor) -> None:
        self._images += len(labels)

    def ends(self) -> None:
        self.rates.append(self._images / (time.perf_counter() - self._began))

    def tell(self) -> None:
        # A progress bar may have left its line open.
        print("\n" + json.dumps({"images_per_second": self.rates, "threads": torch.get_num_threads()}))
