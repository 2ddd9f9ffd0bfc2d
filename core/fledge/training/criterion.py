"""The loss that training lowers."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import nn

from fledge.errors import SpecError, did_you_mean
from fledge.spec.training import TrainingSpec


def make_criterion(spec: TrainingSpec, weights: Sequence[float] | None, device: torch.device) -> nn.CrossEntropyLoss:
    """Cross-entropy over logits [N, C], a mean by class weights [C], with the spec's label smoothing."""
    return nn.CrossEntropyLoss(
        weight=None if weights is None else torch.tensor(weights, device=device),
        label_smoothing=spec.label_smoothing,
    )


def class_weights(spec: TrainingSpec, classes: Sequence[str], labels: Sequence[int]) -> list[float] | None:
    """A weight a class, or None where all count alike. Raises SpecError for a class there is not."""
    if spec.class_weights == "none":
        return None
    if spec.class_weights == "balanced":
        counts = Counter(labels)
        return [len(labels) / (len(classes) * counts[label]) for label in range(len(classes))]
    for name in spec.class_weights:
        if name not in classes:
            raise SpecError(
                f"training.class_weights names {name!r}, no class of this data set{did_you_mean(name, classes)}",
                hint=f"its classes: {', '.join(classes)}",
            )
    return [spec.class_weights.get(name, 1.0) for name in classes]
