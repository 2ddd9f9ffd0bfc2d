"""Many processes train the model that one would have trained, and fail as one."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from fledge.predictions import Predictions
from fledge.training.arithmetic import has_bf16

from tests.flaky_server import FlakyServer, serving
from tests.hidden import hide
from tests.long_run import ENDED, journal, shown, state_file, strays, wait_for
from tests.many import HEAD, MORE, NODES_SAY, SPY, SPY_MODEL, alike, ended, nodes_meet, same_order, seen, started, words

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

pytestmark = pytest.mark.long

BF16, NO_BF16 = has_bf16(torch.device("cpu")), "this processor has no instructions for bf16"


def test_many_processes_see_the_samples_of_one_in_its_order_and_come_to_its_weights(
    fledge: "Fledge", give: "Give", tmp_path: Path
) -> None:
    give("spy", SPY, model=SPY_MODEL)
    one, (alone,) = seen(fledge, tmp_path / "1", "torchrun", 1)
    for trains, count in ((True, 50), (False, 26)):
        images = [image for trained, batch in alone if trained == trains for image in batch]
        assert all(len(set(images[at : at + count])) == count for at in range(0, len(images), count))
    for processes in (2, 3):
        many, ranks = seen(fledge, tmp_path / str(processes), "torchrun", processes)
        same_order(alone, ranks)
        agree(fledge, one, many)


@pytest.mark.parametrize(("settings", "count"), [(MORE, 3), (HEAD, 2)])
def test_many_processes_come_to_the_weights_of_one(fledge: "Fledge", settings: tuple[str, ...], count: int) -> None:
    one, many = (fledge(*words("torchrun", processes, *settings), "--json").last for processes in (1, count))
    agree(fledge, one, many)


def agree(fledge: "Fledge", one: dict[str, Any], many: dict[str, Any]) -> None:
    alike(fledge, one, many)
    assert one["metrics"]["epochs"] == 3
    for name in ("train_loss", "val_loss", "val_accuracy", "val_accuracy/red", "train_accuracy"):
        assert many["metrics"][name] == pytest.approx(one["metrics"][name], rel=1e-5), name
    said, alone = (Predictions.read(fledge.home / "runs" / told["run"] / "outputs") for told in (many, one))
    assert said is not None
    assert alone is not None
    assert (said.names, said.labels, said.top) == (alone.names, alone.labels, alone.top)
    assert said.losses == pytest.approx(alone.losses, rel=1e-3)


@pytest.mark.parametrize(
    ("trouble", "rank", "says"),
    [
        ("raises", 1, "rank 1: ValueError: a bad mood"),
        ("raises", 0, "ValueError: a bad mood"),
        ("dies", 1, "rank 1 was killed by SIGKILL"),
        ("dies", 0, "killed by SIGKILL"),
        ("hangs", 1, "waited in vain for another process"),
    ],
)
def test_a_rank_that_fails_fails_the_run_which_goes_on_in_any_number(
    fledge: "Fledge", give: "Give", tmp_path: Path, trouble: str, rank: int, says: str
) -> None:
    patience = ("launcher.timeout=20",) if trouble == "hangs" else ()
    settings = (f"model.trouble={trouble}", f"model.rank={rank}", *patience)
    run = started(fledge, give, tmp_path, "torchrun", 2, *settings)
    told = ended(fledge, run)
    assert told["state"] == ("LOST" if (trouble, rank) == ("dies", 0) else "FAILED"), told
    assert says in told["error"]
    assert not strays(fledge, run)
    log = fledge("runs", "logs", run).out
    if trouble in ("raises", "hangs"):
        # The rank that it was, before any that fails because of it.
        first = "ValueError: a bad mood" if trouble == "raises" else "in suffer"
        assert f"[{rank}] " in next(line for line in log.splitlines() if first in line)
    if trouble == "raises":
        assert "Connection" not in log.partition("a bad mood")[0]
    if (trouble, rank) != ("dies", 1):
        return
    (tmp_path / "cured").touch()
    again = fledge("runs", "resume", run, "--processes", "3", "--json").last
    assert again["state"] == "COMPLETED"
    log = fledge("runs", "logs", run).out
    assert "resumed from a checkpoint" in log
    assert "began with processes 2 and goes on with 3" in log
    peaceful = fledge(*words("torchrun", 1), "--json").last
    alike(fledge, peaceful, again)
    second, undisturbed = (epochs(fledge, told["run"])[2] for told in (again, peaceful))
    assert second["train_loss"] == pytest.approx(undisturbed["train_loss"], rel=1e-5), "some samples count twice"
    assert second["train_accuracy"] == undisturbed["train_accuracy"]


def epochs(fledge: "Fledge", run: str) -> dict[int, dict[str, Any]]:
    """What was last told of each: what was not yet in a checkpoint is done again."""
    return {event["epoch"]: event["values"] for event in journal(fledge, run) if event["event"] == "metrics"}


def test_a_training_survives_the_loss_of_a_rank(fledge: "Fledge", give: "Give", tmp_path: Path) -> None:
    run = started(fledge, give, tmp_path, "torchrun", "1:3", "model.trouble=dies", "model.rank=2")
    told = ended(fledge, run)
    assert told["state"] == "COMPLETED", told
    log = fledge("runs", "logs", run).out
    assert "2 of 3 processes are left, and go on" in log
    assert "began with processes 3 and goes on with 2" in log
    assert "resumed from a checkpoint" in log
    assert list(epochs(fledge, run)) == [1, 2, 3]
    alike(fledge, fledge(*words("torchrun", 1), "--json").last, told)


def test_stopped_and_resumed_two_processes_come_to_the_very_same_weights(fledge: "Fledge") -> None:
    # Dropout, and batch-norm statistics of each process.
    settings = ("training.freeze_batchnorm=false", "model.dropout=0.3")
    peaceful = fledge(*words("torchrun", 2, *settings), "--json").last
    run = fledge(
        *words("torchrun", 2, *settings, "model.slow=0.5", "training.checkpoint_every=4"), "--detach"
    ).out.strip()
    wait_for(fledge, run, "checkpoint")
    assert fledge("runs", "cancel", run, "--json").last["state"] == "CANCELED"
    assert not strays(fledge, run)
    fledge("runs", "resume", run, "--detach")
    wait_for(fledge, run, "checkpoint", 3)
    starter = next(one for one in strays(fledge, run) if "fledge.launchers.ranks" in one.cmdline())
    starter.kill()
    assert ended(fledge, run)["state"] == "LOST"
    assert not strays(fledge, run)
    again = fledge("runs", "resume", run, "--json").last
    assert again["weights_sha256"] == peaceful["weights_sha256"]


def test_stopped_while_it_asks_what_failed_before_it_a_process_still_has_a_last_word(
    fledge: "Fledge", give: "Give", tmp_path: Path
) -> None:
    run = started(fledge, give, tmp_path, "torchrun", 2, "model.trouble=breaks", "model.rank=0")
    while not (tmp_path / "broke").exists():
        assert state_file(fledge, run) not in ENDED
        time.sleep(0.02)
    # It waits for ten seconds.
    assert fledge("runs", "cancel", run, "--json").last["state"] == "CANCELED"
    assert [event["state"] for event in journal(fledge, run) if event["event"] == "state"][-1] == "CANCELED"
    log = fledge("runs", "logs", run).out
    assert "Broken: broken pipe" in log
    assert "Stopped" not in log


# A data set that fetches something first, and writes down which images are decoded.
WATCHED = """
    from pathlib import Path

    from fledge import Offer, hookimpl
    from fledge_sample.options import DotsOptions

    FLEDGE_API = 1


    @hookimpl
    def fledge_datasets():
        return [Offer("watched", "watched_model:Watched", "watched:WatchedOptions")]


    class WatchedOptions(DotsOptions):
        url: str
        decoded: Path
"""
WATCHED_DATASET = """
    import dataclasses
    import time
    from pathlib import Path

    from fledge import download
    from fledge.testing.offers.squares import Square
    from fledge_sample.dots import Dots


    @dataclasses.dataclass(frozen=True)
    class Seen(Square):
        decoded: Path

        @property
        def fingerprint(self):
            return self.name

        def load(self, edge=0):
            with self.decoded.open("a") as file:
                file.write(f"{self.name} {edge}\\n")
            # For another process to come meanwhile.
            time.sleep(0.01)
            return super().load(edge)


    class Watched(Dots):
        def _prepare(self, cache, progress, warn):
            download(self.options.url, cache / "dots.zip", max_bytes=1 << 20, progress=progress)

        def split(self, name):
            return [Seen(*dataclasses.astuple(one), self.options.decoded) for one in super().split(name)]
"""


def test_two_processes_of_a_node_download_and_decode_once(fledge: "Fledge", give: "Give", tmp_path: Path) -> None:
    give("watched", WATCHED, model=WATCHED_DATASET)
    fledge.environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    decoded = tmp_path / "decoded"
    # Large enough not to be had in one go.
    with serving(FlakyServer(bytes(1 << 20), breaks=1)) as server:
        told = words("torchrun", 2, f"dataset.url={server.url}", f"dataset.decoded={decoded}")
        told[told.index("dots")] = "watched"
        assert fledge(*told, "--json").last["metrics"]["epochs"] == 3
    # It breaks off once, and is taken up where it was.
    assert len(server.requests) == 2
    # Rank 0 decodes some larger ones in the end, for the report.
    names = [line for line in decoded.read_text().splitlines() if line.endswith(" 32")]
    assert len(names) == len(set(names)) == 76


# Means and variances are summed in another order, and divided by small numbers; of each rank's own, they are apart by
# half.
@pytest.mark.parametrize(
    ("precision", "bound"),
    [("fp32", 1e-4), pytest.param("bf16", 5e-2, marks=pytest.mark.skipif(not BF16, reason=NO_BF16))],
)
def test_synchronized_batchnorm_is_that_of_one_process(fledge: "Fledge", precision: str, bound: float) -> None:
    told = ("training.freeze_batchnorm=false", "training.sync_batchnorm=true", "dataset.train=24")
    settings = (*told, f"training.precision={precision}")
    one, two = (fledge(*words("torchrun", count, *settings), "--json").last for count in (1, 2))
    alike(fledge, one, two, bound=bound)


SCRIPT = """
    import os, sys, time
    from pathlib import Path

    rank = int(os.environ["RANK"])
    if rank == 0:
        # The others must find what this one has made, and not make it themselves.
        time.sleep(0.3)
    Path("outputs", f"{rank}.txt").write_text(os.environ["WORLD_SIZE"])
    sys.exit(int(sys.argv[1]) if rank == 1 else 0)
"""


@pytest.mark.parametrize(("code", "state"), [(0, "COMPLETED"), (4, "FAILED")])
def test_a_script_is_executed_once_a_rank(fledge: "Fledge", code: int, state: str) -> None:
    (fledge.folder / "s.py").write_text(textwrap.dedent(SCRIPT))
    launched = ("--script", "s.py", "--launcher", "torchrun", "--processes", "3")
    done = fledge("run", *launched, "--json", "--", str(code), status=1 if code else 0)
    assert done.last["state"] == state
    run = done.last["run"]
    if code:
        assert "rank 1 ended with exit status 1" in fledge("runs", "logs", run).out
        assert "s.py ended with exit status 4" in shown(fledge, run)["error"]
    else:
        assert sorted(done.last["outputs"]) == ["outputs/0.txt", "outputs/1.txt", "outputs/2.txt"]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (["--processes", "2"], "launcher 'single' starts one process"),
        (["--launcher", "torchrun", "--processes", "9"], "training.batch_size = 8 images cannot be shared by"),
        (["--launcher", "torchrun", "--processes", "3", "--nodes", "2"], "cannot be shared equally by 2 nodes"),
        (["--launcher", "torchrun", "--processes", "2", "--nodes", "2"], "backend 'local' is one machine"),
        (["--launcher", "torchrn"], "did you mean 'torchrun'?"),
        (["--processes", "0"], "launcher.processes = 0: should be greater than 0"),
        (["--processes", "two"], "'two' is neither a number, such as 2, nor two of them, such as 1:3"),
        (["--processes", "3:2"], "min_processes = 3 is more than processes = 2"),
        (["--launcher", "torchrun", "--processes", "1:2", "--nodes", "2"], "2 nodes cannot go on with fewer"),
    ],
)
def test_what_cannot_be_started_is_refused_with_a_sentence(fledge: "Fledge", told: list[str], says: str) -> None:
    settings = ["--dataset", "dots", "--model", "tiny", "--set", "training.batch_size=8"]
    assert says in fledge("run", *settings, *told, status=2).err


def test_a_port_that_is_taken_is_named(fledge: "Fledge") -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        fledge(*words("torchrun", 2), status=1, MASTER_PORT=port)
    told = fledge("runs", "show", "latest", "--json").last
    assert told["state"] == "FAILED"
    assert f"127.0.0.1:{port}: another program uses that port" in told["error"]


def test_ranks_of_other_versions_do_not_train_together(fledge: "Fledge", tmp_path: Path) -> None:
    older = tmp_path / "older"
    (older / "numpy-1.0.dist-info").mkdir(parents=True)
    (older / "numpy-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")
    code = f"import os, sys\nif os.environ.get('RANK') == '1': sys.path.insert(0, {str(older)!r})\n"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(code)
    fledge.environment["PYTHONPATH"] += f":{tmp_path / 'site'}"
    fledge(*words("torchrun", 2), status=1)
    error = fledge("runs", "show", "latest", "--json").last["error"]
    assert "rank 1 cannot train with the others: numpy" in error
    assert "on rank 0 and 1.0 here" in error


@pytest.mark.parametrize("ranks", [("0", "1"), ("1",)])
def test_processes_train_without_torchvision_where_none_of_them_has_it(
    fledge: "Fledge", tmp_path: Path, ranks: tuple[str, ...]
) -> None:
    hide(fledge, tmp_path, "torchvision", ranks)
    fledge(*words("torchrun", 2, "training.epochs=1"), status=0 if len(ranks) == 2 else 1)
    told = fledge("runs", "show", "latest", "--json").last
    if len(ranks) == 2:
        assert told["state"] == "COMPLETED"
    else:
        assert "rank 1 cannot train with the others: torchvision" in told["error"]
        assert "on rank 0 and none here" in told["error"]


def test_more_processes_than_cores_are_told_of() -> None:
    def said(processes: int) -> str:
        ranks = [sys.executable, "-m", "fledge.launchers.ranks", str(processes), "1", "python", "-c", "print('here')"]
        return subprocess.run(ranks, stdout=subprocess.PIPE, text=True, check=True).stdout

    cores = len(os.sched_getaffinity(0))
    assert f"{cores + 1} processes share {cores} cores" in said(cores + 1)
    assert "share" not in said(cores)


def test_processes_on_two_nodes_are_one_group() -> None:
    assert nodes_meet("torchrun") == NODES_SAY
