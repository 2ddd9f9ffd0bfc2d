"""Trackers are told of a run by processes of their own; what they missed is sent later, and nothing twice."""

import json
import os
import signal
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.long_run import journal, shown, strays, supervisor

if TYPE_CHECKING:
    from tests.conftest import Fledge

# Each epoch waits for a file of its number.
SCRIPT = """
    import sys, time
    from pathlib import Path

    import fledge

    for epoch in range(1, int(sys.argv[1]) + 1):
        while len(sys.argv) > 2 and not Path(sys.argv[2], str(epoch)).exists():
            time.sleep(0.02)
        fledge.log(step=epoch, loss=1 / epoch)
    Path("outputs/kept.txt").write_text("kept")
"""


def words(fledge: "Fledge", option: str, *args: object) -> list[str]:
    (fledge.folder / "s.py").write_text(textwrap.dedent(SCRIPT))
    told = ["run", "--script", "s.py", "--tracker", "lines", "--set", "trackers.lines.path=told.txt"]
    return [*told, "--set", "trackers.lines.down=down", option, "--", *map(str, args)]


def told(fledge: "Fledge", file: str = "told.txt") -> list[str]:
    path = fledge.folder / file
    return path.read_text().splitlines() if path.exists() else []


def metrics(fledge: "Fledge") -> int:
    return told(fledge).count("event metrics")


def until(fledge: "Fledge", count: int) -> None:
    while metrics(fledge) < count:
        time.sleep(0.02)


def noted(fledge: "Fledge", run: str, count: int) -> None:
    """Waits until the tracker has so many metrics, and that is written down: killed in between, it is told twice."""
    folder = fledge.home / "runs" / run
    told = 0
    while told < count:
        time.sleep(0.02)
        for mark in folder.glob("trackers/*.json"):
            taken = (folder / "journal.jsonl").read_bytes()[: json.loads(mark.read_text())["offset"]]
            told = taken.count(b'"event": "metrics"')


def sends(fledge: "Fledge", run: str) -> list[psutil.Process]:
    """The processes that tell the run's trackers."""
    return [one for one in strays(fledge, run) if "fledge.tracking" in one.cmdline()]


def whole(fledge: "Fledge", run: str, file: str = "told.txt") -> None:
    """Holds what the tracker was told to the journal: every event once, in order, and the end once."""
    events = [line.removeprefix("event ") for line in told(fledge, file) if line.startswith("event ")]
    assert events == [event["event"] for event in journal(fledge, run)]
    ends = [line for line in told(fledge, file) if line.startswith("finish")]
    assert ends == [f"finish {shown(fledge, run)['state']}"]


def test_what_a_tracker_missed_is_sent_later_and_nothing_twice(fledge: "Fledge") -> None:
    (fledge.folder / "down").touch()
    done = fledge(*words(fledge, "--json", 3))
    run = done.last["run"]
    assert done.last["state"] == "COMPLETED"
    assert done.err.count("nobody is listening") == 1
    assert f"fledge runs sync {run} --tracker lines" in done.err
    assert "nobody is listening" in fledge("runs", "sync", run, status=1).err
    assert metrics(fledge) == 0
    (fledge.folder / "down").unlink()
    sent = fledge("runs", "sync", run, "--json").last
    assert sent == {"tracker": "lines", "events": len(journal(fledge, run)), "state": "COMPLETED"}
    whole(fledge, run)
    assert told(fledge).count("artifact kept.txt True") == 1
    assert fledge("runs", "sync", run).out == f"lines has all of run {run}\n"
    whole(fledge, run)
    # Another place has nothing of it yet.
    fledge("runs", "sync", run, "--set", "trackers.lines.path=other.txt")
    whole(fledge, run, "other.txt")


def test_trouble_is_told_once_and_how_to_send_the_rest_once(fledge: "Fledge", tmp_path: Path) -> None:
    (fledge.folder / "down").touch()
    run = fledge(*words(fledge, "--detach", 1, tmp_path)).out.strip()
    while "is tried again" not in fledge("runs", "logs", run).out:
        time.sleep(0.02)
    (tmp_path / "1").touch()
    log = fledge("runs", "logs", run, "--follow").out
    warnings = [line for line in log.splitlines() if "tracker 'lines'" in line]
    assert warnings == [
        "warning: tracker 'lines' cannot be told, and is tried again: ConnectionError: nobody is listening",
        f"warning: tracker 'lines' has not all of it; the rest is sent by: fledge runs sync {run} --tracker lines",
    ]


def test_what_will_not_pass_is_told_at_once_with_its_own_remedy(fledge: "Fledge", tmp_path: Path) -> None:
    misplaced = ["--set", "trackers.lines.trouble=misplaced"]
    told = "warning: tracker 'lines' cannot be told: there is nothing to write on here; write elsewhere"

    def warnings(said: str) -> list[str]:
        return [line for line in said.splitlines() if "tracker 'lines'" in line]

    first, *rest = words(fledge, "--detach", 1, tmp_path)
    run = fledge(first, *misplaced, *rest).out.strip()
    while not warnings(fledge("runs", "logs", run).out):
        time.sleep(0.02)
    (tmp_path / "1").touch()
    assert warnings(fledge("runs", "logs", run, "--follow").out) == [told]
    assert shown(fledge, run)["state"] == "COMPLETED"
    # Of a run that ends before the first try has failed it is told too.
    first, *rest = words(fledge, "--json", 0)
    assert warnings(fledge(first, *misplaced, *rest).err) == [told]


def test_a_try_that_outlasts_the_run_is_the_last(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("")
    asked = ("run", "--script", "s.py", "--tracker", "lines", "--set", "trackers.lines.path=told.txt")
    done = fledge(*asked, "--set", "trackers.lines.trouble=dawdles")
    assert told(fledge).count("asked") == 1
    assert done.err.count("nobody is listening") == 1


def test_one_that_computes_for_long_is_none_that_hangs(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("")
    asked = ("run", "--script", "s.py", "--tracker", "lines", "--set", "trackers.lines.path=told.txt")
    done = fledge(*asked, "--set", "trackers.lines.trouble=computes", "--json")
    assert "lines" not in done.err
    whole(fledge, done.last["run"])


def test_a_tracker_that_comes_back_goes_on_where_it_was(fledge: "Fledge", tmp_path: Path) -> None:
    run = fledge(*words(fledge, "--detach", 3, tmp_path)).out.strip()
    (tmp_path / "1").touch()
    until(fledge, 1)
    (fledge.folder / "down").touch()
    (tmp_path / "2").touch()
    while "is tried again" not in fledge("runs", "logs", run).out:
        time.sleep(0.02)
    (fledge.folder / "down").unlink()
    until(fledge, 2)
    (tmp_path / "3").touch()
    fledge("runs", "logs", run, "--follow")
    assert shown(fledge, run)["state"] == "COMPLETED"
    whole(fledge, run)
    assert told(fledge).count(f"start {run}") == 2


def test_a_tracker_that_is_killed_takes_nothing_with_it(fledge: "Fledge", tmp_path: Path) -> None:
    run = fledge(*words(fledge, "--detach", 2, tmp_path)).out.strip()
    (tmp_path / "1").touch()
    noted(fledge, run, 1)
    (sender,) = sends(fledge, run)
    sender.kill()
    (tmp_path / "2").touch()
    log = fledge("runs", "logs", run, "--follow").out
    assert shown(fledge, run)["state"] == "COMPLETED"
    assert f"was told by a process that died (-9); the rest is sent by: fledge runs sync {run}" in log
    fledge("runs", "sync", run)
    whole(fledge, run)


def test_of_a_run_that_was_killed_the_rest_is_sent_with_its_end(fledge: "Fledge", tmp_path: Path) -> None:
    run = fledge(*words(fledge, "--detach", 2, tmp_path)).out.strip()
    (tmp_path / "1").touch()
    noted(fledge, run, 1)
    # While it goes on, its own process sends.
    assert "another process is telling tracker 'lines'" in fledge("runs", "sync", run, status=1).err
    os.killpg(supervisor(fledge, run), signal.SIGKILL)
    assert fledge("runs", "sync", run, "--json").last["state"] == "LOST"
    whole(fledge, run)
    assert not strays(fledge, run)


def test_many_that_send_at_once_send_it_once(fledge: "Fledge") -> None:
    (fledge.folder / "down").touch()
    run = fledge(*words(fledge, "--json", 200)).last["run"]
    (fledge.folder / "down").unlink()
    many = [fledge.start("runs", "sync", run, "--json") for _ in range(3)]
    sent = [json.loads(one.communicate()[0])["events"] for one in many]
    assert sorted(sent) == [0, 0, len(journal(fledge, run))]
    whole(fledge, run)


def test_what_cannot_be_sent_is_refused_with_a_sentence(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("print('hello')")
    fledge("run", "--script", "s.py")
    assert "was told to no tracker" in fledge("runs", "sync", "latest", status=2).err
    assert "did you mean 'lines'?" in fledge("runs", "sync", "latest", "--tracker", "linse", status=2).err
    assert "path" in fledge("runs", "sync", "latest", "--tracker", "lines", status=2).err
    assert "set trackers.NAME.KEY" in fledge("runs", "sync", "latest", "--set", "training.lr=1", status=2).err


def test_a_tracker_takes_no_time_of_the_training(fledge: "Fledge", tmp_path: Path) -> None:
    """It is another process, and one that steps back."""
    run = fledge(*words(fledge, "--detach", 1, tmp_path)).out.strip()
    while not (senders := sends(fledge, run)) or "start" not in "".join(told(fledge)):
        time.sleep(0.02)
    assert senders[0].nice() == 10
    (tmp_path / "1").touch()
    fledge("runs", "logs", run, "--follow")
