"""Workers that are forked from one that has imported torch are workers like others."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from fledge.warmth import VARIABLE
from fledge.worker.warm.wire import Order

from tests.long_run import SLOW, journal, shown, supervisor, until, wait_for, words
from tests.nursery import Nursery

if TYPE_CHECKING:
    from tests.conftest import Fledge

SMALL = ("training.epochs=2", "dataset.train=25")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory, base_environment: dict[str, str]) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("w"), base_environment) as nursery:
        yield nursery
    assert not nursery.address.exists()


@pytest.fixture
def warm(fledge: "Fledge", nursery: Nursery) -> "Fledge":
    fledge.environment[VARIABLE] = str(nursery.address)
    return fledge


def test_it_comes_to_the_weights_of_one_that_began_by_itself(warm: "Fledge", nursery: Nursery) -> None:
    # Loader processes of its own, too.
    done = warm(*words(*SMALL, "training.workers=1"), "--json")
    assert done.last["state"] == "COMPLETED"
    alone = warm("rerun", done.last["run"], "--json", FLEDGE_WARM_WORKERS="/no/such")
    assert alone.last["weights_sha256"] == done.last["weights_sha256"]
    assert not nursery.forks
    assert "epoch   2/2" in warm("runs", "logs", done.last["run"]).out
    told = [next(one for one in journal(warm, run) if one["event"] == "lineage") for run in (
        done.last["run"], alone.last["run"])]  # fmt: skip
    assert told[0]["packages"] == told[1]["packages"]


def test_it_fails_as_others_do(warm: "Fledge") -> None:
    done = warm(*words("dataset.broken=true"), "--json", status=1)
    assert done.last["state"] == "FAILED"


def test_it_stops_when_asked_and_goes_on(warm: "Fledge", nursery: Nursery) -> None:
    run = warm(*words(SLOW, "training.checkpoint_every=3600s"), "--detach").out.strip()
    wait_for(warm, run, "metrics", 2)
    assert len(nursery.forks) == 1
    assert warm("runs", "cancel", run, "--json").last["state"] == "CANCELED"
    assert not nursery.forks
    assert [event["event"] for event in journal(warm, run)].count("checkpoint") == 1
    done = warm("runs", "resume", run, "--json").last
    assert done["state"] == "COMPLETED"


def test_killed_with_its_supervisor_it_is_lost_and_gone(warm: "Fledge", nursery: Nursery) -> None:
    run = warm(*words(SLOW, "training.workers=1"), "--detach").out.strip()
    wait_for(warm, run, "checkpoint")
    (fork,) = nursery.forks
    loaders = fork.children()
    assert loaders
    os.killpg(supervisor(warm, run), signal.SIGKILL)
    assert until(warm, run, "LOST")
    psutil.wait_procs([fork, *loaders])
    assert not [one for one in (fork, *loaders) if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_without_its_nursery_it_was_killed_and_the_next_try_begins_by_itself(
    fledge: "Fledge", tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Nursery(tmp_path_factory.mktemp("n"), fledge.environment) as mine:
        fledge.environment[VARIABLE] = str(mine.address)
        run = fledge(*words(SLOW, "training.retries=1"), "--detach").out.strip()
        wait_for(fledge, run, "checkpoint")
        mine.process.kill()
    told = until(fledge, run, "COMPLETED")
    assert told["state"] == "COMPLETED"
    assert "killed by SIGKILL" in fledge("runs", "logs", run).out or "retry 1 of 1" in fledge("runs", "logs", run).out


def test_those_who_order_and_vanish_do_not_end_the_nursery(nursery: Nursery, tmp_path: Path) -> None:
    order = Order(["no-such.toml"], str(tmp_path), {**nursery.environment, "FLEDGE_RUN_DIR": str(tmp_path)})
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(nursery.address))
            order.send(client)
    while nursery.forks:
        time.sleep(0.02)
    assert nursery.process.poll() is None


def test_it_outlives_whoever_has_warmed_it(fledge: "Fledge", tmp_path_factory: pytest.TempPathFactory) -> None:
    with Nursery(tmp_path_factory.mktemp("o"), fledge.environment) as mine:
        fledge.environment[VARIABLE] = str(mine.address)
        run = fledge(*words(SLOW, *SMALL), "--detach").out.strip()
        wait_for(fledge, run, "checkpoint")
    assert shown(fledge, run)["state"] == "COMPLETED"
    assert json.loads((fledge.home / "runs" / run / "exit.json").read_text()) == {"code": 0}


def test_a_plugin_on_its_path_is_found_unless_it_hides_what_was_imported(
    warm: "Fledge", nursery: Nursery, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "moon.py").write_text("")
    for module, forks in (("moon", 1), ("PIL", 0)):
        (site / f"{module}.py").write_text("PHASE = 'full'\n")
        path = f"{warm.environment['PYTHONPATH']}:{site}"
        (warm.folder / "s.py").write_text(f"import time, {module}\nprint({module}.PHASE, flush=True)\ntime.sleep(600)")
        run = warm("run", "--script", "s.py", "--detach", PYTHONPATH=path).out.strip()
        while "full" not in warm("runs", "logs", run).out:
            time.sleep(0.05)
        assert len(nursery.forks) == forks
        warm("runs", "cancel", run)


def test_another_environment_is_not_pretended(warm: "Fledge", nursery: Nursery) -> None:
    run = warm(*words(SLOW), "--detach", OMP_NUM_THREADS="2").out.strip()
    wait_for(warm, run, "checkpoint")
    assert not nursery.forks
    warm("runs", "cancel", run)
    params = next(event["values"] for event in journal(warm, run) if event["event"] == "params")
    assert params["threads"] == 2
