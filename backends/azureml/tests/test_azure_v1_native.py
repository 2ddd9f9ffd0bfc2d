"""`fledge sweep --native` by the real azureml-sdk, to the HyperDrive that the loopback plays."""

import subprocess
import time

import pytest
from loopback.program import Loopback
from submitting import Client

pytestmark = [pytest.mark.azure, pytest.mark.timeout(600)]

# One that is not good enough goes on until it is stopped.
_SCRIPT = """
import argparse, fledge, pathlib, time
told = argparse.ArgumentParser()
told.add_argument("--lr", type=float)
told.add_argument("--n", type=int)
told.add_argument("--word")
told = told.parse_args()
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs", "told.txt").write_text(f"{told.lr!r} {told.n} {told.word}")
fledge.log(step=1, score=told.lr)
while told.lr < 0.5:
    time.sleep(0.1)
fledge.log(step=2, score=2 * told.lr)
"""
_SPEC = '[script]\npath = "s.py"\n[backend]\nname = "azureml"\nsize = "Standard_DS3_v2"\nmax_nodes = 4\n'
_SWEEP = ("sweep", "spec.toml", "--native", "--maximize", "score", "--json", "--parallel", "2", "--param")


@pytest.fixture
def fledge(submit_v1: Client) -> Client:
    submit_v1.write("s.py", _SCRIPT)
    submit_v1.write("spec.toml", _SPEC)
    return submit_v1


def begin(fledge: Client, *words: str) -> "subprocess.Popen[str]":
    """Once both of its first trials are runs here."""
    sweep = subprocess.Popen(
        [str(fledge.python), "-m", "fledge", *words],
        cwd=fledge.folder,
        env=fledge.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(fledge("runs", "list", "--json").lines) < 2:
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.1)
    return sweep


def sent(azure: Loopback, sweep: str) -> list[str]:
    """The runs of the service that are the sweep's. Others' tests have sweeps of that name by SDK v2."""
    calls = [call for call in azure.seen() if "/hdruns/" in call["path"] and call["body"]["name"] == sweep]
    return [call["path"].partition("/hdruns/")[2].partition("?")[0] for call in calls]


def test_trials_have_the_values_that_the_service_drew(fledge: Client) -> None:
    params = ("script.args.lr=log:0.6..1", "--param", "script.args.n=8,16", "--param", "script.args.word=a b,sgd")
    *rows, last = fledge(*_SWEEP, *params, "--trials", "3").lines
    assert [one["state"] for one in rows] == ["COMPLETED"] * 3
    assert last["best"] == max(rows, key=lambda one: one["value"])
    for one in rows:
        lr, number, word = one["params"].values()
        assert (one["value"], 0.6 <= lr <= 1, number in (8, 16), word in ("a b", "sgd")) == (2 * lr, True, True, True)
        fledge("runs", "download", one["run"], "outputs/told.txt", "-o", one["run"])
        assert (fledge.folder / one["run"] / "outputs" / "told.txt").read_text() == f"{lr!r} {number} {word}"


def test_this_machine_may_be_switched_off_while_the_service_stops_who_lags(fledge: Client, azure: Loopback) -> None:
    params = ("script.args.lr=0.1,0.9", "--sampler", "grid", "--pruner", "bandit", "--slack", "0.2", "--name", "off")
    sweep = begin(fledge, *_SWEEP, *params)
    sweep.kill()
    sweep.communicate()
    told = fledge("sweep", "--resume", "off", "--json")
    states = {one["params"]["script.args.lr"]: one["state"] for one in told.lines[:-1]}
    assert states == {0.1: "PRUNED", 0.9: "COMPLETED"}
    assert len(sent(azure, "off")) == 1
    assert len(fledge("runs", "list", "--json").lines) == 2


def test_a_sweep_is_canceled_there(fledge: Client, azure: Loopback) -> None:
    sweep = begin(fledge, *_SWEEP, "script.args.lr=0.1,0.2,0.3", "--sampler", "grid", "--name", "away")
    sweep.kill()
    sweep.communicate()
    canceled = fledge("sweep", "--cancel", "away", "--json")
    assert [one["state"] for one in canceled.lines[:-1]] == ["FAILED"] * 2
    (parent,) = sent(azure, "away")
    jobs = {name: state for name, state in azure.jobs().items() if name.startswith(parent)}
    assert jobs == dict.fromkeys((parent, f"{parent}_0", f"{parent}_1"), "Canceled")
