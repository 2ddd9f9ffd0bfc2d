"""torchvision's ResNets without their classifier, and the names and shapes of a checkpoint of one."""

from collections.abc import Mapping
from typing import cast

import torch
import torchvision
from torch import nn

# Those this plugin offers, and those a person is likely to pass to it by mistake.
KNOWN = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def bare(architecture: str) -> nn.Module:
    """The network, randomly initialised, its `fc` an identity."""
    # One class keeps torchvision from drawing a large classifier that is thrown away.
    module = cast("nn.Module", torchvision.models.get_model(architecture, weights=None, num_classes=1))
    module.fc = nn.Identity()
    return module


def shapes(architecture: str) -> Mapping[str, tuple[int, ...]]:
    """Every parameter and batch-norm statistic of the backbone, by torchvision's names, with its shape."""
    with torch.device("meta"):
        state = bare(architecture).state_dict()
    return {name: tuple(t.shape) for name, t in state.items() if not name.endswith("num_batches_tracked")}
