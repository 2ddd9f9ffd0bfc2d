"""Staying with a run: on a terminal, elsewhere, in silence, as JSON; and leaving it, once and twice."""

import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from fledge.cli.status_line import StatusLine

from tests.long_run import journal, shown, strays, words

if TYPE_CHECKING:
    from tests.conftest import Fledge

# Asked to stop, it takes its time to save.
SAVES = """
    import signal, sys, time
    from pathlib import Path

    def save(*_):
        print("saving", flush=True)
        time.sleep(SECONDS)
        Path("outputs/saved").touch()
        sys.exit(75)

    signal.signal(signal.SIGTERM, save)
    print("up", flush=True)
    time.sleep(600)
"""


def on_a_terminal(fledge: "Fledge", *told: str) -> str:
    """All that a command writes to the terminal that it has for standard error, raw."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fledge", *told]
    process = subprocess.Popen(
        command, cwd=fledge.folder, env=fledge.environment, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 65536):
            seen += data
    except OSError:
        # What Linux says once nobody has the other end.
        pass
    finally:
        os.close(ours)
    assert process.wait() == 0
    return seen.decode()


def test_a_terminal_shows_how_far_it_is_and_nothing_is_left_of_that(fledge: "Fledge") -> None:
    told = words("model.slow=0.15", "training.epochs=2")
    seen = on_a_terminal(fledge, *told)
    lines = [part for part in re.split(r"\r?\n|\r\x1b\[K", seen) if part.startswith("epoch 2/2  step")]
    assert lines
    assert re.fullmatch(
        r"epoch 2/2  step \d+/25  [\d.]+ images/s  loss \d\.\d{4}  best \d+\.\d%  0:0\d left", lines[-1]
    ), lines
    # As a terminal would show it in the end: what was wiped is gone.
    left = "\n".join(re.sub(r"^.*\r\x1b\[K", "", line) for line in seen.replace("\r\n", "\n").split("\n"))
    assert not re.search(r"\bstep \d|Warning", left)
    assert re.search(r"^epoch   2/2  loss", left, re.MULTILINE)
    assert left.rstrip().splitlines()[-1].endswith(shown(fledge, "latest")["run"])


@pytest.fixture
def script(fledge: "Fledge") -> list[str]:
    (fledge.folder / "s.py").write_text("import fledge\nprint('hello')\nfledge.log(step=1, loss=0.5)\n")
    return ["run", "--script", "s.py"]


def test_elsewhere_there_are_plain_lines(fledge: "Fledge", script: list[str]) -> None:
    said = fledge(*script).err
    assert "\nhello\n" in said
    assert "\x1b" not in said
    assert "\r" not in said


def test_quiet_says_what_goes_wrong_alone(fledge: "Fledge", script: list[str]) -> None:
    done = fledge(*script, "--quiet")
    assert (done.out, done.err) == ("", "")
    (fledge.folder / "s.py").write_text("raise SystemExit(3)")
    done = fledge(*script, "--quiet", status=1)
    run = shown(fledge, "latest")["run"]
    assert done.err == f"run {run} FAILED: s.py ended with exit status 3\n"


def test_as_json_every_event_is_a_line_and_the_outcome_the_last(fledge: "Fledge", script: list[str]) -> None:
    *events, last = fledge(*script, "--json").lines
    assert events == journal(fledge, last["run"])
    assert [event["values"] for event in events if event["event"] == "metrics"] == [{"loss": 0.5}]
    again = fledge("run", "--script", "s.py", "--json", "--quiet")
    assert again.err == ""
    assert again.last["state"] == "COMPLETED"


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_once_asks_and_twice_kills(fledge: "Fledge", presses: int) -> None:
    (fledge.folder / "s.py").write_text(textwrap.dedent(SAVES).replace("SECONDS", "2" if presses == 1 else "60"))
    process = fledge.start("run", "--script", "s.py", "--json")
    assert process.stderr
    for line in process.stderr:
        if line == "up\n":
            process.send_signal(signal.SIGINT)
        if line.startswith("canceling run"):
            break
    if presses == 2:
        process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    told = shown(fledge, "latest")
    assert told["state"] == "CANCELED"
    assert not strays(fledge, told["run"])
    assert (fledge.home / "runs" / told["run"] / "outputs" / "saved").exists() == (presses == 1)
    assert ("killing" in said) == (presses == 2)
    assert f"fledge runs resume {told['run']}" in said


def test_what_is_not_known_is_not_told() -> None:
    line = StatusLine()
    step = {
        "event": "step",
        "epoch": 1,
        "epochs": 3,
        "step": 5,
        "steps": 10,
        "images_per_second": 1234.5,
        "loss": "nan",
    }
    line.hear(step)
    assert line.text == "epoch 1/3  step 5/10  1234 images/s  loss nan"
    line.hear({"event": "metrics", "values": {"best_val_accuracy": 0.5}})
    line.hear(step)
    assert line.text.endswith("loss nan  best 50.0%")
    line.hear({"event": "progress", "what": "decoding", "done": 3, "total": None, "unit": "images"})
    assert line.text == "decoding: 3 images"
    line.hear({"event": "progress", "what": "decoding", "done": 7, "total": 7, "unit": "images"})
    assert line.text == ""
