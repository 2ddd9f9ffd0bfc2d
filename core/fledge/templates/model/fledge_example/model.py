"""Example: a small convolutional network."""

from collections.abc import Callable, Mapping, Sequence

from fledge import Model, Preprocessing
from torch import Tensor, nn

from fledge_example.options import ExampleOptions
from fledge_example.transforms import ToSquare


class Example(Model):
    options: ExampleOptions

    def build(self, classes: Sequence[str]) -> nn.Module:
        width = self.options.width
        backbone = nn.Sequential(
            *_block(3, width),
            *_block(width, 2 * width),
            *_block(2 * width, 4 * width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        return nn.Sequential(backbone, nn.Linear(4 * width, len(classes)))

    def parts(self, module: nn.Module) -> tuple[nn.Module, nn.Module]:
        assert isinstance(module, nn.Sequential)
        return module[0], module[1]

    def transforms(self, train: bool) -> Callable[[Tensor], Tensor]:
        return ToSquare(self._preprocessing(), mirror=train)

    def shorter_edge(self) -> int:
        return self.options.size

    def normalization(self) -> tuple[Sequence[float], Sequence[float]]:
        return (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)

    def describe_transforms(self) -> Mapping[str, object]:
        mean, std = self.normalization()
        return {**self._preprocessing().describe(), "mean": list(mean), "std": list(std)}

    def _preprocessing(self) -> Preprocessing:
        return Preprocessing((self.options.size, self.options.size))


def _block(channels: int, more: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, more, 3, padding=1, bias=False), nn.BatchNorm2d(more), nn.ReLU(), nn.MaxPool2d(2)]
