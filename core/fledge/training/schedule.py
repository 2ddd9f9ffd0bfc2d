"""The learning rate as a pure function of how far training is, so that resuming needs no scheduler's state."""

import math

from fledge.spec.training import TrainingSpec


def lr_factor(spec: TrainingSpec, progress: float, step: float = 0.0) -> float:
    """What the learning rate of a step is multiplied by: `progress` epochs are done, and it is `step` of one.

    Warm-up is linear and ends at the factor the schedule has then. step: gamma to the number of
    whole step_sizes. cosine: from 1 to 0 over all epochs (Loshchilov & Hutter 2017, without restarts).
    """
    if progress < spec.warmup_epochs:
        # By the end of the step: the first one would otherwise go nowhere.
        share = min(progress + step, spec.warmup_epochs) / spec.warmup_epochs
        return share * _scheduled(spec, spec.warmup_epochs)
    return _scheduled(spec, progress)


def _scheduled(spec: TrainingSpec, progress: float) -> float:
    if spec.schedule == "step":
        return spec.gamma ** (int(progress) // spec.step_size)
    if spec.schedule == "cosine":
        span = spec.epochs - spec.warmup_epochs
        return 0.5 * (1 + math.cos(math.pi * (progress - spec.warmup_epochs) / span))
    return 1.0
