"""A run that is long enough to be met in the middle, and ways to look at it while it works."""

import json
import time
from typing import TYPE_CHECKING, Any

import psutil
from fledge.runs.journal import events

if TYPE_CHECKING:
    from tests.conftest import Fledge

# With a checkpoint every other step.
SETTINGS = (
    "training.epochs=6", "training.batch_size=8", "training.device=cpu", "training.checkpoint_every=2",
    "training.optimizer=adamw", "training.lr=0.003", "training.warmup_epochs=1", "dataset.train=100",
)  # fmt: skip


ENDED = {"COMPLETED", "FAILED", "CANCELED", "PREEMPTED", "LOST"}
# For runs that are met in the middle by a command, which takes its time to start; the weights are the same.
SLOW = "model.slow=0.04"


def words(*settings: str) -> list[str]:
    told = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    return ["run", "--dataset", "dots", "--model", "tiny", *told]


def journal(fledge: "Fledge", run: str) -> list[dict[str, Any]]:
    return list(events(fledge.home / "runs" / run))


def wait_for(fledge: "Fledge", run: str, event: str, count: int = 1) -> None:
    while True:
        told = journal(fledge, run)
        if sum(one["event"] == event for one in told) >= count:
            return
        assert not told or told[-1].get("state") not in ("COMPLETED", "FAILED"), f"it ended before its {event} {count}"
        assert state_file(fledge, run) not in ("FAILED", "LOST")
        time.sleep(0.02)


def state_file(fledge: "Fledge", run: str) -> str:
    return str(json.loads((fledge.home / "runs" / run / "state.json").read_text())["state"])


def shown(fledge: "Fledge", run: str) -> dict[str, Any]:
    return fledge("runs", "show", run, "--json").last


def supervisor(fledge: "Fledge", run: str) -> int:
    """The process group of a run, from its file: asking a command would take long enough for the run to end."""
    return int(json.loads((fledge.home / "runs" / run / "state.json").read_text())["ref"]["details"]["pid"])


def until(fledge: "Fledge", run: str, *states: str) -> dict[str, Any]:
    while True:
        # A command that is asked again and again takes the run's cores from it.
        while ENDED.issuperset(states) and supervised(fledge, run):
            time.sleep(0.05)
        if (told := shown(fledge, run))["state"] in states:
            return told
        assert told["state"] not in ("COMPLETED", "FAILED"), told
        time.sleep(0.1)


def supervised(fledge: "Fledge", run: str) -> bool:
    """Whether its supervisor, where its backend has one here, is alive."""
    pid = json.loads((fledge.home / "runs" / run / "state.json").read_text())["ref"]["details"].get("pid")
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def strays(fledge: "Fledge", run: str) -> list[psutil.Process]:
    """Processes that belong to a run, by their environment or, of one that was forked, by where they work."""
    found = []
    folder = str(fledge.home / "runs" / run)
    for process in psutil.process_iter():
        try:
            belongs = process.environ().get("FLEDGE_RUN_ID") == run or process.cwd().startswith(folder)
            if belongs and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
