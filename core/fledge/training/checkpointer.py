"""Checkpointer: decides when a checkpoint is due, writes it beside the training, and takes a run up again from one."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from torch import nn

from fledge.digest import tensors_sha256
from fledge.errors import DataError
from fledge.interfaces.launcher import Group
from fledge.profiling import span, timed
from fledge.runs.notice import Notice
from fledge.runs.reporter import Reporter
from fledge.spec.training import TrainingSpec
from fledge.training.checkpoint_store import Checkpoint, CheckpointStore, put_back
from fledge.training.keeper import Keeper
from fledge.training.loop import Loop, Position
from fledge.training.together import hand_over
from fledge.training.training_state import capture, restore


class Checkpointer:
    """Its `pause` is what a training loop calls between two updates.

    `facts` is what a checkpoint is worthless without: the spec, the data, the code it was written under. The part of
    the network that does not train is in no checkpoint, only its digest.

    Of many processes rank 0 writes, and all stop after the same step: what one of them was told, each hears of there.
    """

    def __init__(
        self,
        store: CheckpointStore,
        spec: TrainingSpec,
        keeper: Keeper,
        facts: Mapping[str, Any],
        notice: Notice,
        report: Reporter,
        group: Group,
    ) -> None:
        self._store = store
        self._spec = spec
        self._seconds = spec.checkpoint_seconds
        self._keeper = keeper
        self._facts = facts
        self._frozen_sha256: dict[nn.Module, str] = {}
        self._notice = notice
        self._report = report
        self._group = group
        self._writer: threading.Thread | None = None
        self._steps = 0
        self._seen: tuple[int, int] | None = None
        self._saved_at = time.monotonic()
        self._saved: tuple[int, int] | None = None

    def resume(self, loop: Loop, found: Checkpoint) -> Position:
        """Where the loop is to go on, with all as it was there. Raises DataError where its frozen part is another."""
        if found.told["frozen_sha256"] != self._digest_of(loop.frozen):
            raise DataError(
                "the pretrained weights are not those that the run began with",
                hint="put them back as they were, or start a new run: fledge run FILE",
            )
        at = restore(loop, found.tensors, found.told)
        self._keeper.restore(found.told["keeper"])
        if self._group.rank == 0:
            put_back(found, self._keeper.folder)
        else:
            # What all had run up is rank 0's to go on from.
            at.running.hand_over(0.0, 0)
        self._saved = (at.epoch, at.step)
        self._report.say(f"resumed from a checkpoint: {at.epoch} epochs and {at.step} steps are done")
        return at

    def pause(self, loop: Loop, at: Position) -> None:
        """Write a checkpoint where one is due. Raises Stopped, with one written, where the run is to give way."""
        stops = self._notice.reason is not None
        if stops:
            self.wait()
        if (at.epoch, at.step) != self._seen:
            self._seen = (at.epoch, at.step)
            self._steps += 1
        unsaved = self._saved != (at.epoch, at.step)
        due = self._is_due() and not (self._writer and self._writer.is_alive())
        if self._group.world_size > 1:
            stops, canceled, due, unsaved = self._agreed(stops, due, unsaved)
            if stops:
                self._notice.share(canceled)
        if unsaved and (due or stops):
            self._save(loop, at)
        if stops:
            self.wait()
            self._notice.check()

    def _agreed(self, stops: bool, due: bool, unsaved: bool) -> tuple[bool, ...]:
        """Whether any is to stop, whether one of them by a person's wish, and what rank 0 says of saving."""
        first = self._group.rank == 0
        told = [stops, stops and self._notice.canceled, first and due, first and unsaved]
        return tuple(share > 0 for share in self._group.average([float(one) for one in told]))

    def wait(self) -> None:
        """Until what is being written is written."""
        if self._writer:
            with span("wait for checkpoint"):
                self._writer.join()

    def _is_due(self) -> bool:
        if self._seconds is not None:
            return time.monotonic() - self._saved_at >= self._seconds
        return self._steps >= int(self._spec.checkpoint_every)

    @timed("checkpoint")
    def _save(self, loop: Loop, at: Position) -> None:
        if self._group.world_size > 1:
            hand_over(self._group, at.running)
        self._steps, self._saved_at, self._saved = 0, time.monotonic(), (at.epoch, at.step)
        if self._group.rank != 0:
            return
        try:
            staging = self._store.stage(self._keeper.files)
        except OSError as error:
            self._give_up(at, error)
            return
        tensors, told = capture(loop, at)
        told |= {"keeper": self._keeper.state(), "facts": self._facts}

        @timed("write checkpoint")
        def write() -> None:
            try:
                told["frozen_sha256"] = self._digest_of(loop.frozen)
                self._store.finish(staging, at.epoch, at.step, tensors, told)
                self._report.journal.write("checkpoint", epoch=at.epoch, step=at.step)
            except OSError as error:
                self._give_up(at, error)

        self._writer = threading.Thread(target=write, name="checkpoint")
        self._writer.start()

    def _give_up(self, at: Position, error: OSError) -> None:
        # What is trained is worth more than the checkpoint; the two before it are still there.
        self._saved = None
        with suppress(OSError):
            self._report.warn(
                f"no checkpoint could be written after {at.epoch} epochs and {at.step} steps "
                f"({error.strerror or error}); training goes on, and the earlier ones are kept"
            )

    def _digest_of(self, frozen: nn.Module | None) -> str | None:
        if frozen is not None and frozen not in self._frozen_sha256:
            self._frozen_sha256[frozen] = tensors_sha256(frozen.state_dict())
        return self._frozen_sha256.get(frozen) if frozen is not None else None
