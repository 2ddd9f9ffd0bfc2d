"""What TensorBoard shows of runs: read back by TensorBoard's own reader."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fledge import RunError, RunInfo, Tracker
from fledge.discovery.discover import discover
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

# The fixtures of the core's tests.
from tests.conftest import base_environment, commands, fledge, fledge_in, install, sample_plugin, user_cache, warmth  # noqa: F401 -- fixtures
from tests.small_disk import small_disk

if TYPE_CHECKING:
    from tests.conftest import Fledge

SCRIPT = """
import fledge
for epoch in range(3):
    fledge.log(step=epoch, loss=1 / (1 + epoch))
    fledge.log(counted=epoch / 7)
fledge.log(step=3, loss=float("nan"), odd=float("inf"))
fledge.log(**{"Öde %": 1, "Öde #": 2})
"""


def reader(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def steps(found: EventAccumulator, tag: str) -> list[int]:
    return [one.step for one in found.Tensors(tag)]


def text(found: EventAccumulator, tag: str) -> str:
    return str(found.Tensors(tag)[-1].tensor_proto.string_val[0].decode())


def tracker(folder: Path) -> Tracker:
    made: Tracker = discover().make("tracker", "tensorboard", {"folder": str(folder)})
    return made


def started(folder: Path) -> Tracker:
    made = tracker(folder)
    made.start(RunInfo("run-1", "birds", {"seed": 0}, folder))
    return made


def metrics(second: int, **fields: Any) -> Mapping[str, Any]:
    return {"time": f"2026-01-01T00:00:{second:02}.000+00:00", "event": "metrics", **fields}


def losses(numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    return [metrics(number, epoch=number, values={"loss": 1 / number}) for number in numbers]


def test_a_scripts_metrics_are_where_the_command_was_given(fledge: "Fledge") -> None:  # noqa: F811 -- a fixture
    (fledge.folder / "code").mkdir()
    (fledge.folder / "code" / "s.py").write_text(SCRIPT)
    done = fledge("run", "--script", "code/s.py", "--tracker", "tensorboard", "--json").last
    found = reader(fledge.folder / "tensorboard-runs" / "default" / done["run"])
    seen = tracker(fledge.folder / "tensorboard-runs").history(done["run"])
    assert seen is not None
    assert [*seen["loss"]][:3] == [1, 1 / 2, 1 / 3]
    assert math.isnan(seen["loss"][3])
    assert seen["odd"] == [math.inf]
    assert steps(found, "loss") == [0, 1, 2, 3]
    assert steps(found, "counted") == [1, 2, 3]
    assert (seen["Öde %"], seen["Öde #"]) == ([1], [2])
    assert "| script.path | code/s.py |" in text(found, "spec")
    assert text(found, "state") == "COMPLETED"


def test_what_is_told_again_after_a_crash_is_there_once(tmp_path: Path) -> None:
    counted = [metrics(10 + number, values={"counted": 1.5}) for number in range(3)]
    events = [*losses([1, 2]), *counted]
    started(tmp_path).record(events)
    again = started(tmp_path)
    again.record(events[1:])
    again.record([metrics(20, values={"counted": 1.5})])
    assert tracker(tmp_path).history("run-1") == {"loss": [1, 1 / 2], "counted": [1.5] * 4}
    assert steps(reader(tmp_path / "birds" / "run-1"), "counted") == [1, 2, 3, 4]


def test_an_epoch_that_was_done_again_counts_once(tmp_path: Path) -> None:
    first = started(tmp_path)
    first.record(losses([1, 2, 3]))
    resumed = {"time": "2026-01-01T00:00:30.000+00:00", "event": "resumed", "by": "person"}
    better = [metrics(40, epoch=3, values={"loss": 0.25}), metrics(41, epoch=4, values={"loss": 0.125})]
    started(tmp_path).record([resumed, *better])
    # And once more, as after a crash.
    started(tmp_path).record([resumed, *better])
    assert tracker(tmp_path).history("run-1") == {"loss": [1, 1 / 2, 0.25, 0.125]}


def test_a_script_that_begins_anew_keeps_its_spec(tmp_path: Path) -> None:
    started(tmp_path).record([metrics(1, step=0, values={"loss": 1})])
    again = started(tmp_path)
    again.record([{"event": "resumed", "by": "person"}, metrics(2, step=0, values={"loss": 2})])
    assert tracker(tmp_path).history("run-1") == {"loss": [2]}
    assert "| seed | 0 |" in text(reader(tmp_path / "birds" / "run-1"), "spec")


def test_a_torn_file_hides_no_later_one(tmp_path: Path) -> None:
    started(tmp_path).record(losses([1, 2]))
    (file,) = tmp_path.rglob("*tfevents*")
    file.write_bytes(file.read_bytes()[:-3])
    started(tmp_path).record(losses([2, 3]))
    assert tracker(tmp_path).history("run-1") == {"loss": [1, 1 / 2, 1 / 3]}


def test_on_a_full_disk_nothing_is_half_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "100k") as disk:
        made = started(disk)
        made.record(losses([1]))
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            file.write(bytes(1 << 20))
        many = [metrics(number % 60, step=number, values={"loss": number / 7}) for number in range(1000)]
        with pytest.raises(RunError, match=r"cannot be written to .*birds/run-1: No space left"):
            made.record(many)
        ballast.unlink()
        made.record(many[:500])
        assert tracker(disk).history("run-1") == {"loss": [1, *(one["values"]["loss"] for one in many[:500])]}


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence_and_the_run_completes(fledge: "Fledge") -> None:  # noqa: F811 -- a fixture
    (fledge.folder / "s.py").write_text("print('done')")
    (fledge.folder / "taken").touch()
    words = ("--tracker", "tensorboard", "--set", "trackers.tensorboard.folder=taken")
    done = fledge("run", "--script", "s.py", *words, "--json")
    assert done.last["state"] == "COMPLETED"
    assert "TensorBoard's events cannot be written" in done.err
