"""TrackerContract: what every Tracker promises."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fledge.interfaces.run import RunInfo
from fledge.interfaces.state import FINAL
from fledge.interfaces.tracker import Tracker
from fledge.testing.contracts.server_trouble import ServerTrouble

_KILLED = (
    "import os, signal\n"
    "from pathlib import Path\n"
    "from fledge import RunInfo\n"
    "kind, options = make(); tracker = kind(options)\n"
    "tracker.start(RunInfo('run-1', 'contract', {}, Path(sys.argv[1])))\n"
    "tracker.record(json.loads(sys.argv[2]))\n"
    "os.kill(os.getpid(), signal.SIGKILL)\n"
)
_MANY = 5000


class TrackerContract(ServerTrouble):
    """Held by an offer, or by overriding `another`. The tests' working folder is empty and their own.

    What was recorded is asked for by `Tracker.history`; of a tracker that cannot be asked, it is not proved.
    What a server does to a run is tried with one of the tests' own, where `Tracker.server_option` names it.
    """

    @pytest.fixture
    def tracker(self, folder: Path) -> Tracker:
        return self.another()

    def another(self) -> Tracker:
        made: Tracker = self.make()
        return made

    def run(self, folder: Path, name: str = "run-1") -> RunInfo:
        outputs = folder.parent / name / "outputs"
        outputs.mkdir(parents=True, exist_ok=True)
        return RunInfo(name, "contract", {"seed": 0, "dataset": {"name": "Vögel"}}, outputs)

    def metrics(self, epochs: Sequence[int]) -> list[Mapping[str, Any]]:
        """An event an epoch, as the journal has them."""
        time = "2026-01-01T00:00:00.000+00:00"
        return [{"time": time, "event": "metrics", "epoch": n, "values": {"loss": 1 / n, "acc": n / 8}} for n in epochs]

    def seen(self, tracker: Tracker, run: str = "run-1") -> Mapping[str, list[float]]:
        history = tracker.history(run)
        if history is None:
            pytest.skip("it cannot be asked what it recorded: to have this proved, implement `history`")
        return {name: list(values) for name, values in history.items()}

    def expected(self, epochs: Sequence[int]) -> Mapping[str, list[float]]:
        return {"loss": [1 / n for n in epochs], "acc": [n / 8 for n in epochs]}

    def test_making_one_touches_nothing(self, request: pytest.FixtureRequest, folder: Path) -> None:
        with self.untouched(folder):
            request.getfixturevalue("tracker")

    @pytest.mark.parametrize("state", sorted(FINAL))
    def test_it_takes_a_whole_run_whatever_becomes_of_it(self, tracker: Tracker, folder: Path, state: str) -> None:
        run = self.run(folder)
        output = run.outputs / "büchse.txt"
        output.write_text("kept")
        told: list[Mapping[str, Any]] = [
            {"event": "state", "state": "RUNNING"},
            {"event": "params", "values": {"classes": ["ä", "b"], "device": "cpu", "deep": {"a": None}}},
            {"event": "progress", "what": "decoding", "done": 1, "total": None, "unit": "images"},
            {"event": "warning", "message": "zwei\nZeilen"},
            {"event": "heartbeat"},
            {"event": "checkpoint", "epoch": 1, "step": 0},
            *self.metrics([1, 2]),
            # No number: the journal has these as words.
            {"event": "metrics", "epoch": 3, "values": {"loss": "nan", "acc": "inf"}},
            {"event": "something-of-tomorrow", "values": 7},
            {"event": "artifact", "path": "outputs/büchse.txt", "size": 4, "sha256": "0" * 64},
        ]
        tracker.start(run)
        tracker.record(told)
        tracker.record([])
        tracker.artifact(output)
        tracker.finish(state)

    def test_what_was_recorded_is_there_in_order(self, tracker: Tracker, folder: Path) -> None:
        tracker.start(self.run(folder))
        tracker.record(self.metrics([1, 2]))
        tracker.record(self.metrics([3]))
        tracker.finish("COMPLETED")
        assert self.seen(tracker) == self.expected([1, 2, 3])
        assert self.seen(self.another()) == self.expected([1, 2, 3])

    def test_many_at_once_are_taken(self, tracker: Tracker, folder: Path) -> None:
        epochs = range(1, _MANY + 1)
        tracker.start(self.run(folder))
        tracker.record(self.metrics(epochs))
        tracker.finish("COMPLETED")
        assert self.seen(tracker) == self.expected(epochs)

    def test_a_kill_right_after_recording_loses_nothing(self, tracker: Tracker, folder: Path) -> None:
        words = [str(self.run(folder).outputs), json.dumps(self.metrics([1, 2]))]
        done = subprocess.run([*self.process(_KILLED), *words], stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == -9, done.stderr
        assert self.seen(tracker) == self.expected([1, 2])

    def test_a_resumed_run_is_continued(self, tracker: Tracker, folder: Path) -> None:
        tracker.start(self.run(folder))
        tracker.record(self.metrics([1, 2]))
        tracker.finish("PREEMPTED")
        again = self.another()
        again.start(self.run(folder))
        again.record(self.metrics([3]))
        again.finish("COMPLETED")
        assert self.seen(again) == self.expected([1, 2, 3])

    def test_two_runs_keep_apart(self, tracker: Tracker, folder: Path) -> None:
        other = self.another()
        tracker.start(self.run(folder))
        other.start(self.run(folder, "run-2"))
        tracker.record(self.metrics([1]))
        other.record(self.metrics([5]))
        tracker.finish("COMPLETED")
        other.finish("COMPLETED")
        assert self.seen(tracker) == self.expected([1])
        assert self.seen(tracker, "run-2") == self.expected([5])
