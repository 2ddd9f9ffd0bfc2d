"""Small: a convolutional network with what makes training random (dropout) and stateful (batch norm)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fledge.data.preprocessing import Preprocessing
from fledge.interfaces.model import Model
from fledge.testing.offers.options import SmallOptions


@dataclass(frozen=True)
class Flipped:
    """Now and then."""

    preprocessing: Preprocessing

    def __call__(self, image: Tensor) -> Tensor:
        seen = self.preprocessing.tensor(image)
        return seen.flip(-1) if torch.rand(()) < 0.5 else seen


class Small(Model):
    options: SmallOptions

    def build(self, classes: Sequence[str]) -> nn.Module:
        convolution = nn.Conv2d(3, 4, 3)
        backbone = nn.Sequential(convolution, nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        return nn.Sequential(backbone, nn.Sequential(nn.Dropout(self.options.dropout), nn.Linear(16, len(classes))))

    def transforms(self, train: bool) -> Callable[[Tensor], Tensor]:
        preprocessing = Preprocessing((self.options.size, self.options.size))
        return Flipped(preprocessing) if train else preprocessing.tensor

    def shorter_edge(self) -> int:
        return 2 * self.options.size

    def describe_transforms(self) -> Mapping[str, object]:
        return Preprocessing((self.options.size, self.options.size)).describe()

    def parts(self, module: nn.Module) -> tuple[nn.Module, nn.Module]:
        assert isinstance(module, nn.Sequential)
        return module[0], module[1]
