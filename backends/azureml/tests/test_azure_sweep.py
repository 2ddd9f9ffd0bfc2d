"""`fledge sweep --native` by the real azure-ai-ml, on the loopback, which draws, starts trials and stops laggards."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from loopback.program import Loopback
from submitting import Client

pytestmark = [pytest.mark.azure, pytest.mark.timeout(600)]

SCRIPT = """
import argparse, fledge, pathlib, time
told = argparse.ArgumentParser()
told.add_argument("--lr", type=float)
told.add_argument("--n", type=int, default=1)
told.add_argument("--word", default="")
told.add_argument("--place", type=pathlib.Path)
told.add_argument("--waits", type=float, default=0)
told = told.parse_args()
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs", "told.txt").write_text(f"{told.lr!r} {told.n} {told.word}")
print("begun with", told.lr)
with open(told.place / "executed", "a") as file:
    file.write(f"{told.lr!r}\\n")
fledge.log(step=1, score=told.lr)
late = time.monotonic() + 500
while told.lr < told.waits and not (told.place / "go").exists() and time.monotonic() < late:
    time.sleep(0.05)
fledge.log(step=2, score=2 * told.lr)
"""
LR = ("sweep", "spec.toml", "--native", "--maximize", "score", "--json", "--param")


@pytest.fixture
def fledge(submit_v2: Client) -> Client:
    submit_v2.write("s.py", SCRIPT)
    return submit_v2


def spec(fledge: Client, waits: float = 0) -> None:
    """Trials whose lr is less wait until there is a file `go`."""
    args = json.dumps(["--place", str(fledge.folder), "--waits", str(waits)])
    cluster = 'name = "azureml"\nsize = "Standard_DS3_v2"\nmax_nodes = 4'
    fledge.write("spec.toml", f'[script]\npath = "s.py"\nargs = {args}\n[backend]\n{cluster}\n')


def executed(fledge: Client) -> list[float]:
    path = fledge.folder / "executed"
    return [float(line) for line in path.read_text().split()] if path.exists() else []


def begin(fledge: Client, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(fledge.python), "-m", "fledge", *words],
        cwd=fledge.folder,
        env=fledge.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(done: Callable[[], bool], sweep: "subprocess.Popen[str]") -> None:
    while not done():
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.1)


def sweeps(azure: Loopback, name: str) -> list[dict[str, Any]]:
    """The bodies of the sweeps of that name that were sent."""
    sent = [call["body"] for call in azure.seen() if call["method"] == "PUT" and "/jobs/" in call["path"]]
    return [body["properties"] for body in sent if body["properties"]["experimentName"] == name]


def test_trials_have_the_values_that_the_service_drew(fledge: Client, azure: Loopback) -> None:
    spec(fledge)
    params = ("script.args.lr=log:0.001..1", "--param", "script.args.n=8,16", "--param", "script.args.word=a b,sgd")
    told = fledge(*LR, *params, "--trials", "3", "--parallel", "2", "--name", "drawn", "--set", "seed=3")
    *rows, last = told.lines
    assert [one["state"] for one in rows] == ["COMPLETED"] * 3
    assert last["best"] == max(rows, key=lambda one: one["value"])
    assert sorted(executed(fledge)) == sorted(one["params"]["script.args.lr"] for one in rows)
    (sent,) = sweeps(azure, "drawn")
    assert sent["limits"] | {"maxTotalTrials": 3, "maxConcurrentTrials": 2} == sent["limits"]
    assert sent["samplingAlgorithm"]["seed"] == 3
    for one in rows:
        values = one["params"]
        assert one["value"] == 2 * values["script.args.lr"]
        fledge("runs", "download", one["run"], "outputs/told.txt", "-o", one["run"])
        found = (fledge.folder / one["run"] / "outputs" / "told.txt").read_text()
        assert found == f"{values['script.args.lr']!r} {values['script.args.n']} {values['script.args.word']}"
        assert f"begun with {values['script.args.lr']}" in fledge("runs", "logs", one["run"]).out
    # What the trial's own shell and node were told is nobody's affair here.
    shown = fledge("runs", "show", last["best"]["run"], "--json").lines[-1]
    assert shown["spec"]["script"]["args"][-3:] == [
        f"--{key}={last['best']['params'][f'script.args.{key}']}" for key in ("lr", "n", "word")
    ]


def test_the_service_stops_what_lags_behind(fledge: Client) -> None:
    spec(fledge, waits=0.5)
    words = ("script.args.lr=0.9,0.1", "--sampler", "grid", "--parallel", "2")
    told = fledge(*LR, *words, "--pruner", "bandit", "--slack", "0.2")
    states = {one["params"]["script.args.lr"]: one for one in told.lines[:-1]}
    assert {lr: one["state"] for lr, one in states.items()} == {0.9: "COMPLETED", 0.1: "PRUNED"}
    assert "lagged behind" in states[0.1]["error"]
    assert told.lines[-1]["best"]["params"] == {"script.args.lr": 0.9}
    assert fledge("runs", "show", states[0.1]["run"], "--json").lines[-1]["state"] == "CANCELED"


def test_this_machine_may_be_switched_off_meanwhile(fledge: Client, azure: Loopback) -> None:
    spec(fledge, waits=0.5)
    words = (*LR, "script.args.lr=0.1,0.2,0.9", "--sampler", "grid", "--parallel", "2", "--name", "off")
    sweep = begin(fledge, *words)
    until(lambda: len(executed(fledge)) == 2, sweep)
    sweep.kill()
    sweep.communicate()
    (fledge.folder / "go").touch()
    # It goes on by itself.
    while len(executed(fledge)) < 3:
        time.sleep(0.1)
    told = fledge("sweep", "--resume", "off", "--json")
    assert [one["state"] for one in told.lines[:-1]] == ["COMPLETED"] * 3
    assert len(sweeps(azure, "off")) == 1
    assert sorted(executed(fledge)) == [0.1, 0.2, 0.9]
    assert len(fledge("runs", "list", "--json").lines) == 3


def test_it_goes_on_after_ctrl_c_until_it_is_canceled(fledge: Client, azure: Loopback) -> None:
    spec(fledge, waits=1)
    words = (*LR, "script.args.lr=0.1,0.2,0.3", "--sampler", "grid", "--parallel", "2", "--name", "away")
    sweep = begin(fledge, *words, "--pruner", "bandit", "--slack", "9")
    until(lambda: len(fledge("runs", "list", "--json").lines) == 2 and len(executed(fledge)) == 2, sweep)
    sweep.send_signal(signal.SIGINT)
    _, err = sweep.communicate()
    assert (sweep.returncode, "Traceback" in err) == (130, False)
    assert "fledge sweep --cancel away" in err
    before = azure.jobs()
    (parent,) = (name for name in before if "away" in name and before[name] == "Running" and f"{name}_0" in before)
    canceled = fledge("sweep", "--cancel", "away", "--json")
    assert [one["state"] for one in canceled.lines[:-1]] == ["FAILED"] * 2
    after = azure.jobs()
    assert {name: after[name] for name in after if name.startswith(parent)} == dict.fromkeys(
        (parent, f"{parent}_0", f"{parent}_1"), "Canceled"
    )
    assert len(executed(fledge)) == 2


def test_a_parameter_that_nothing_uses_and_other_impossible_sweeps_are_refused(fledge: Client, azure: Loopback) -> None:
    spec(fledge)
    before = len(azure.seen())
    for words, told in (
        (("script.args.lr=0.1..1", "--trials", "1001"), "1 to 1000 trials"),
        (("script.args.lr=0.1..1", "--trials", "200", "--parallel", "101"), "100 trials of a sweep at once"),
        (("script.args.word=it's,sgd",), "would not come out of that as it went in"),
    ):
        assert told in fledge(*LR, *words, status=2).err
    assert len(azure.seen()) == before


def test_a_trial_whose_machine_was_taken_away_goes_on_as_a_run(fledge: Client, azure: Loopback) -> None:
    spec(fledge, waits=0.5)
    sweep = begin(fledge, *LR, "script.args.lr=0.1,0.9", "--sampler", "grid", "--parallel", "2", "--name", "evicted")
    until(lambda: len(executed(fledge)) == 2, sweep)
    (name,) = (name for name in azure.jobs() if "evicted" in name and name.endswith("_0"))
    azure.evict(name)
    out, err = sweep.communicate()
    assert sweep.returncode == 0, err
    rows = {one["params"]["script.args.lr"]: one for one in map(json.loads, out.splitlines()[:-1])}
    assert (rows[0.1]["state"], rows[0.9]["state"]) == ("FAILED", "COMPLETED")
    assert rows[0.1]["error"].startswith("PREEMPTED: its machine was taken away")
    (fledge.folder / "go").touch()
    fledge("runs", "resume", rows[0.1]["run"])
    shown = fledge("runs", "show", rows[0.1]["run"], "--json").lines[-1]
    assert (shown["state"], shown["metrics"]["score"]) == ("COMPLETED", 0.2)
    # One log, and one folder.
    assert fledge("runs", "logs", rows[0.1]["run"]).out.count("begun with 0.1") == 2


def test_a_bad_day_only_takes_longer(fledge: Client, peace: Loopback) -> None:
    spec(fledge)
    # The sweep is made, and nobody hears of it.
    peace.trouble("PUT .*/jobs/", drop=True, late=True)
    peace.trouble("GET .*/children", status=429, headers={"Retry-After": "1"}, times=2)
    peace.trouble("GET .*/children", skip=1, drop=True, times=2)
    peace.trouble("GET .*/runs/.*/details", skip=2, status=503, times=3)
    peace.trouble("GET .*/artifacts/", status=500, times=2)
    told = fledge(*LR, "script.args.lr=0.1,0.9", "--sampler", "grid", "--name", "stormy")
    assert [one["state"] for one in told.lines[:-1]] == ["COMPLETED"] * 2
    assert len([name for name in peace.jobs() if "-stormy-" in name]) == 1 + 2
    assert len(executed(fledge)) == 2
