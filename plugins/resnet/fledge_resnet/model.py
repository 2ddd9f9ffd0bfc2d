"""ResNets as fledge models: torchvision's networks with a new head."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, cast

import torch
from fledge import Model, ParameterGroup, PluginError, Progress
from torch import nn

from fledge_resnet import transforms
from fledge_resnet.architecture import bare
from fledge_resnet.options import ResNetOptions
from fledge_resnet.weights import PINS, Pretrained, from_file, imagenet


class ResNet(Model):
    """torchvision's ResNet, its last layer replaced by a linear head for the classes at hand."""

    options: ResNetOptions
    architecture: ClassVar[str]

    def __init__(self, options: ResNetOptions) -> None:
        super().__init__(options)
        self._pretrained: Pretrained | None = None

    def provenance(self) -> Mapping[str, str]:
        """`weights`: "imagenet", "file" or "none"; for the first two also where from, and the tensors' digest."""
        if self.options.weights == "none":
            return {"weights": "none"}
        pretrained = self._loaded()
        return {
            "weights": "imagenet" if self.options.weights == "imagenet" else "file",
            "weights_source": pretrained.source,
            "weights_sha256": pretrained.sha256,
        }

    def build(self, classes: Sequence[str]) -> nn.Module:
        """float32 [N, 3, H, W] with H and W of 32 or more, to logits [N, len(classes)].

        The head is the same for the same seed, whatever the backbone starts from.
        """
        # The head draws first, so that what the backbone draws, or need not draw, makes no difference to it.
        head = nn.Linear(self._features(), len(classes))
        if self.options.weights == "none":
            module = bare(self.architecture)
        else:
            pretrained = self._loaded().tensors
            with torch.device("meta"):
                module = bare(self.architecture)
            # Clones, because training writes into the module's tensors and `build` may be called again.
            starting = {name: _start(name, pretrained) for name in module.state_dict()}
            module.load_state_dict(starting, assign=True)
        module.fc = head
        return module

    def transforms(self, train: bool) -> Callable[[torch.Tensor], torch.Tensor]:
        size = self.options.image_size
        return transforms.training(size) if train else transforms.evaluation(size).tensor

    def shorter_edge(self) -> int:
        return transforms.resize_edge(self.options.image_size)

    def normalization(self) -> tuple[Sequence[float], Sequence[float]]:
        return transforms.MEAN, transforms.STD

    def describe_transforms(self) -> Mapping[str, object]:
        return transforms.describe(self.options.image_size)

    def parts(self, module: nn.Module) -> tuple[nn.Module, nn.Module]:
        """(everything up to the pooled features [N, F], the linear head); F is 512, for ResNet-50 2048."""
        backbone = OrderedDict((name, child) for name, child in module.named_children() if name != "fc")
        backbone["flatten"] = nn.Flatten(1)
        return nn.Sequential(backbone), cast("nn.Module", module.fc)

    def parameter_groups(self, module: nn.Module) -> list[ParameterGroup]:
        """stem+layer1, layer2, layer3, layer4, head."""
        groups: dict[str, list[nn.Parameter]] = {}
        for name, child in module.named_children():
            group = name if name in {"layer2", "layer3", "layer4"} else "head" if name == "fc" else "stem+layer1"
            groups.setdefault(group, []).extend(child.parameters())
        return [ParameterGroup(name, parameters) for name, parameters in groups.items()]

    def _prepare(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> None:
        if self._pretrained is not None or self.options.weights == "none":
            return
        if isinstance(self.options.weights, Path):
            self._pretrained = from_file(self.architecture, self.options.weights)
        else:
            self._pretrained = imagenet(PINS[self.architecture], cache, progress, warn)

    def _features(self) -> int:
        return 2048 if self.architecture == "resnet50" else 512

    def _loaded(self) -> Pretrained:
        if self._pretrained is None:
            raise PluginError(f"{self.architecture} was asked for its weights before `prepare` was called")
        return self._pretrained


class ResNet18(ResNet):
    architecture = "resnet18"


class ResNet34(ResNet):
    architecture = "resnet34"


class ResNet50(ResNet):
    architecture = "resnet50"


def _start(name: str, pretrained: Mapping[str, torch.Tensor]) -> torch.Tensor:
    # Batch-norm's counters are not part of the weights: a fine-tuned network counts its own batches.
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    return pretrained[name].float().clone()
