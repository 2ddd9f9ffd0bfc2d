"""Keeper: remembers which epoch was best, and puts the best and the last model on disk."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from fledge.atomic import write_atomic
from fledge.errors import DataError, RunError
from fledge.interfaces.dataset import Sample
from fledge.interfaces.run import Trained
from fledge.predictions import FILE, Predictions
from fledge.profiling import timed
from fledge.training.evaluation import Evaluation
from fledge.training.loop import Epoch
from fledge.training.model_file import save_model, weights_of
from fledge.training.phases import Phase
from fledge.training.predicted import predicted, with_photos

# Of epochs that take no time not every better one is written.
_PAUSE_SECONDS = 1.0


class Keeper:
    """`best.safetensors` is written as soon as there is a better one, or a second later, when another may be better
    still: a run that dies keeps what it had reached. Beside it lies what it said of each sample of `val`.

    Of many processes each remembers, and one of them `writes`.
    """

    def __init__(
        self,
        module: nn.Module,
        folder: Path,
        card: Mapping[str, Any],
        *,
        val: Sequence[Sample] = (),
        writes: bool = True,
    ) -> None:
        self.module = module
        self.writes = writes
        self.folder = folder
        self.card = card
        self.val = val
        self.best: Epoch | None = None
        self.last: Epoch | None = None
        self.risen = 0
        self._unwritten: tuple[Epoch, dict[str, Tensor], Tensor] | None = None
        self._wrote = time.monotonic()

    def begin(self, phase: Phase) -> None:
        """Patience begins anew with each phase."""
        self.risen = max(self.risen, phase.first_epoch)

    @property
    def best_accuracy(self) -> float:
        return self.best.val.accuracy if self.best else 0.0

    @property
    def epochs_without_gain(self) -> int:
        """Since the validation accuracy was last higher than ever before."""
        return self.last.number - self.risen if self.last else 0

    def see(self, epoch: Epoch, answers: Callable[[], Tensor]) -> bool:
        """Take note of an epoch that has just ended; true where it is the best so far.

        The higher validation accuracy is better, and among equals the lower validation loss. Of a better one `answers`
        is called, by every process: what it said of the validation images, as `gathered` has it.
        """
        self.last = epoch
        before = self.best
        if before is None or epoch.val.accuracy > before.val.accuracy:
            self.risen = epoch.number
        better = before is None or _rank(epoch) > _rank(before)
        if better:
            self.best = epoch
            said = answers()
            if not self.writes:
                return True
            self._unwritten = epoch, weights_of(self.module), said
            if time.monotonic() - self._wrote >= _PAUSE_SECONDS:
                self.write()
        return better

    def write(self) -> None:
        """Have the best model so far on disk."""
        if self._unwritten:
            epoch, weights, said = self._unwritten
            self._save("best.safetensors", epoch, weights)
            self._keep(predicted(self.val, self.card["classes"], epoch.number, said))
            self._unwritten, self._wrote = None, time.monotonic()

    @property
    def files(self) -> tuple[Path, ...]:
        """The best model so far: files that are replaced, and never written to."""
        self.write()
        names = ("best.safetensors", "best.json", FILE) if self.best else ()
        paths = (self.folder / name for name in names)
        return tuple(path for path in paths if path.name != FILE or path.is_file())

    def state(self) -> dict[str, Any]:
        """What it remembers, as JSON values."""
        return {"best": self.best and asdict(self.best), "last": self.last and asdict(self.last), "risen": self.risen}

    def restore(self, told: Mapping[str, Any]) -> None:
        """Remember what `state` told; the files are the caller's."""
        self.best, self.last = _epoch(told["best"]), _epoch(told["last"])
        self.risen = told["risen"]

    def finish(self, classes: tuple[str, ...]) -> Trained:
        assert self.best is not None
        assert self.last is not None
        # Side by side: a good half of it is hashing, and waiting for the disk.
        with ThreadPoolExecutor(1) as beside:
            best = beside.submit(self._finish_best)
            digest = self._save("last.safetensors", self.last, weights_of(self.module))
            best.result()
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

    def _finish_best(self) -> None:
        self.write()
        with suppress(DataError):
            told = Predictions.read(self.folder)
            if told:
                self._keep(with_photos(told, self.val))

    def _keep(self, told: Predictions) -> None:
        # On a full disk the model comes first: it is written before, and what is said of it can be done without.
        with suppress(OSError):
            write_atomic(self.folder / FILE, told.to_json())

    @timed("save model")
    def _save(self, name: str, epoch: Epoch, weights: Mapping[str, Tensor]) -> str:
        if not self.folder.is_dir():
            raise RunError(f"the run's folder {self.folder} was removed while it ran: its model has no place to go to")
        card = {**self.card, "epoch": epoch.number, "metrics": epoch.metrics()}
        return save_model(weights, self.folder / name, card)


def _epoch(told: Mapping[str, Any] | None) -> Epoch | None:
    return Epoch(**{**told, "val": Evaluation(**told["val"])}) if told else None


def _rank(epoch: Epoch) -> tuple[float, float]:
    return epoch.val.accuracy, -epoch.val.loss
