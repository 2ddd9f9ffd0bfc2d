"""Pace: how far a training is, told while an epoch goes on."""

import time

from torch import Tensor

from fledge.runs.reporter import Reporter

_EVERY_SECONDS = 1.0


class Pace:
    """Asked after every update of the weights; tells once a second at most, and of an epoch shorter than that nothing.

    steps and images are an epoch's, epochs the whole training's.
    """

    def __init__(self, report: Reporter, epochs: int, steps: int, images: int) -> None:
        self._report, self._epochs, self._steps, self._images = report, epochs, steps, images
        self._told_at, self._told_step, self._epoch = time.monotonic(), 0, 0

    def __call__(self, epoch: int, step: int, loss: Tensor) -> None:
        """Both counted from 1; the loss is the last batch's, and waited for only where it is told."""
        if epoch != self._epoch:
            self._epoch, self._told_step = epoch, step - 1
            self._told_at = time.monotonic()
            return
        passed = time.monotonic() - self._told_at
        if passed < _EVERY_SECONDS:
            return
        images = (step - self._told_step) * self._images / self._steps
        place = {"epoch": epoch, "epochs": self._epochs, "step": step, "steps": self._steps}
        self._report.journal.write("step", **place, images_per_second=images / passed, loss=float(loss.detach()))
        self._told_at, self._told_step = time.monotonic(), step
