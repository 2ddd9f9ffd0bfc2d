"""The learning rate as a pure function of how far training is, so that resuming needs no scheduler's state."""

import math

from fledge.spec.training import TrainingSpec


def lr_factor(spec: TrainingSpec, progress: float) -> float:
    """What the learning rate is multiplied by when `progress` epochs are done (a step's share counts).

    Warm-up is linear and ends at the factor the schedule has then. step: gamma to the number of
    whole step_sizes. cosine: from 1 to 0 over all epochs (Loshchilov & Hutter 2017, without restarts).
    """
    if progress < spec.warmup_epochs:
        return (
            progress
            / spec.warmup_epochs
            * lr_factor(spec.model_copy(update={"warmup_epochs": 0.0}), spec.warmup_epochs)
        )
    if spec.schedule == "step":
        return spec.gamma ** (int(progress) // spec.step_size)
    if spec.schedule == "cosine":
        span = spec.epochs - spec.warmup_epochs
        return 0.5 * (1 + math.cos(math.pi * (progress - spec.warmup_epochs) / span))
    return 1.0
