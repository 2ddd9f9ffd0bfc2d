"""Restored: a trained network again, from its weights and its card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fledge.digest import tensors_sha256
from fledge.discovery.catalog import Catalog
from fledge.errors import DataError
from fledge.interfaces.dataset import SPLITS, Dataset
from fledge.interfaces.model import Model
from fledge.interfaces.progress import Progress
from fledge.spec.load import parse
from fledge.training.arithmetic import transformed
from fledge.training.facts import describe


class Network(nn.Module):
    """A trained module with its normalization: uint8 RGB [N, 3, H, W] to logits float32 [N, classes]."""

    scale: Tensor
    shift: Tensor

    def __init__(self, module: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("scale", torch.tensor([1 / (255 * one) for one in std])[:, None, None])
        self.register_buffer("shift", torch.tensor([-m / s for m, s in zip(mean, std, strict=True)])[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.module(images.to(self.scale.dtype) * self.scale + self.shift)
        return logits


@dataclass(frozen=True)
class Restored:
    """network is in evaluation mode, on the CPU; card is what training said of it."""

    network: Network
    model: Model
    dataset: Dataset
    card: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        card: Mapping[str, Any],
        weights: Path,
        catalog: Catalog,
        cache: Path,
        progress: Progress,
        warn: Callable[[str], None],
    ) -> "Restored":
        """Raises DataError where the weights are not those that the card tells of, or the data set is another now."""
        spec = parse(card["spec"], where="the model's card")
        assert spec.dataset is not None
        assert spec.model is not None
        tensors = _load(weights, card["weights_sha256"])
        dataset: Dataset = catalog.make("dataset", spec.dataset.name, spec.dataset.options)
        model: Model = catalog.make("model", spec.model.name, spec.model.options)
        dataset.prepare(cache / "datasets" / spec.dataset.name, progress, warn)
        found = describe({split: dataset.split(split) for split in SPLITS}, dataset.classes)
        if found["fingerprint"] != card["dataset"]["fingerprint"]:
            raise DataError(
                f"data set {spec.dataset.name!r} has changed since the model was trained on it: there is nothing left "
                "to prove an exported file with",
                hint="bring the photographs back that it was trained on",
            )
        model.prepare(cache / "models" / spec.model.name, progress, warn)
        module = model.build(dataset.classes)
        try:
            module.load_state_dict(tensors)
        except RuntimeError as error:
            raise DataError(
                f"{spec.model.name} is another network now than the one these weights are of: {error}",
                hint="install the version of its plugin that trained it",
            ) from None
        network = Network(module.float(), *model.normalization()).eval().requires_grad_(False)
        return cls(network, model, dataset, card)

    def pixels(self, image: Tensor, name: str) -> Tensor:
        """What the network sees of a decoded image: uint8 [3, H, W]."""
        return transformed(self.model.transforms(train=False), image, name)


def _load(weights: Path, expected: str) -> dict[str, Tensor]:
    try:
        tensors = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{weights} cannot be read: {error}", hint="the model's weights are damaged or gone") from None
    if tensors_sha256(tensors) != expected:
        raise DataError(f"{weights} holds other weights than its card tells of", hint="one of the two was replaced")
    return tensors
