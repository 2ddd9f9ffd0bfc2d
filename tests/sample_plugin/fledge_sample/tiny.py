"""Tiny: a small convolutional network with what makes training random (dropout) and stateful (batch norm)."""

import time
from collections.abc import Callable, Mapping, Sequence

from fledge import Model, Preprocessing
from torch import Tensor, nn
from torchvision.transforms import v2

from fledge_sample.options import TinyOptions


class Forgetful(nn.Module):
    """Scales by how often it was called: what no checkpoint can know of."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, features: Tensor) -> Tensor:
        self.calls += self.training
        return features * (1 + self.calls / 100)


class Tiny(Model):
    options: TinyOptions

    def build(self, classes: Sequence[str]) -> nn.Module:
        backbone = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        )
        head = nn.Sequential(nn.Dropout(self.options.dropout), nn.Linear(16, len(classes)))
        if self.options.forgetful:
            head.insert(0, Forgetful())
        if self.options.slow:
            backbone.register_forward_pre_hook(lambda *_: time.sleep(self.options.slow))
        return nn.Sequential(backbone, head)

    def transforms(self, train: bool) -> Callable[[Tensor], Tensor]:
        size = self.options.size
        if train:
            return nn.Sequential(v2.RandomResizedCrop(size), v2.RandomHorizontalFlip())
        return Preprocessing((size, size)).tensor

    def shorter_edge(self) -> int:
        return 2 * self.options.size

    def describe_transforms(self) -> Mapping[str, object]:
        return Preprocessing((self.options.size, self.options.size)).describe()

    def parts(self, module: nn.Module) -> tuple[nn.Module, nn.Module]:
        assert isinstance(module, nn.Sequential)
        return module[0], module[1]
