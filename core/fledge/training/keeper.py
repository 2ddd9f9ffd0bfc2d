"""Keeper: remembers which epoch was best, and puts the best and the last model on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from fledge.interfaces.run import Trained
from fledge.training.loop import Epoch
from fledge.training.model_file import save_model


class Keeper:
    """`best.safetensors` is written as soon as there is a better one: a run that dies keeps what it had reached."""

    def __init__(self, module: nn.Module, folder: Path, card: Mapping[str, Any]) -> None:
        self.module = module
        self.folder = folder
        self.card = card
        self.best: Epoch | None = None
        self.last: Epoch | None = None
        self.risen = 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def best_accuracy(self) -> float:
        return self.best.val.accuracy if self.best else 0.0

    @property
    def epochs_without_gain(self) -> int:
        """Since the validation accuracy was last higher than ever before."""
        return self.last.number - self.risen if self.last else 0

    def see(self, epoch: Epoch) -> bool:
        """Take note of an epoch that has just ended; true where it is the best so far.

        The higher validation accuracy is better, and among equals the lower validation loss.
        """
        self.last = epoch
        before = self.best
        if before is None or epoch.val.accuracy > before.val.accuracy:
            self.risen = epoch.number
        better = before is None or _rank(epoch) > _rank(before)
        if better:
            self.best = epoch
            self._save("best.safetensors", epoch)
        return better

    def finish(self, classes: tuple[str, ...]) -> Trained:
        assert self.best is not None
        assert self.last is not None
        digest = self._save("last.safetensors", self.last)
        return Trained(
            best=self.folder / "best.safetensors",
            last=self.folder / "last.safetensors",
            classes=classes,
            metrics={
                "best_val_accuracy": self.best.val.accuracy,
                "best_epoch": self.best.number,
                "epochs": self.last.number,
                **self.last.metrics(),
            },
            weights_sha256=digest,
        )

    def _save(self, name: str, epoch: Epoch) -> str:
        card = {**self.card, "epoch": epoch.number, "metrics": epoch.metrics()}
        return save_model(self.module, self.folder / name, card)


def _rank(epoch: Epoch) -> tuple[float, float]:
    return epoch.val.accuracy, -epoch.val.loss
