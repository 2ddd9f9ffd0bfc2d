"""`fledge sweep --native`: a service runs the trials, which are runs here, through kills and Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from fledge.interfaces.search import Choices, Range

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

SERVICE = Path(__file__).with_name("sweeping_service.py")
SCRIPT = """
import argparse, fledge, os, pathlib, time
told = argparse.ArgumentParser()
told.add_argument("--x", type=float)
told.add_argument("--word", default="")
told.add_argument("--place", type=pathlib.Path)
told.add_argument("--waits", default="")
told = told.parse_args()
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs", "told.txt").write_text(f"{told.x} {told.word}")
with open(told.place / "executed", "a") as file:
    file.write(os.environ["FLEDGE_RUN_ID"] + "\\n")
if told.x == 666 and not (told.place / "go").exists():
    raise SystemExit("it is that number")
fledge.log(step=1, score=told.x)
late = time.monotonic() + 90
while str(told.x) in told.waits.split("/") and not (told.place / "go").exists() and time.monotonic() < late:
    time.sleep(0.02)
fledge.log(step=2, score=2 * told.x)
"""
X = ("sweep", "spec.toml", "--native", "--maximize", "score", "--param")


@pytest.fixture
def service(fledge: "Fledge", give: "Give") -> "Fledge":
    give("service", SERVICE.read_text())
    (fledge.folder / "s.py").write_text(SCRIPT)
    return fledge


def spec(fledge: "Fledge", points: list[dict[str, Any]], waits: str = "") -> None:
    """What the service will draw, and which of the script's x wait."""
    args = json.dumps(["--place", str(fledge.folder), "--waits", waits])
    text = f'[script]\npath = "s.py"\nargs = {args}\n[backend]\nname = "service"\n[trackers.lines]\npath = "lines"\n'
    (fledge.folder / "spec.toml").write_text(text)
    (fledge.folder / "points").write_text(json.dumps(points))


def xs(*values: float) -> list[dict[str, Any]]:
    return [{"script.args.x": value} for value in values]


def executed(fledge: "Fledge") -> list[str]:
    path = fledge.folder / "executed"
    return sorted(path.read_text().split()) if path.exists() else []


def submitted(fledge: "Fledge") -> list[str]:
    return (fledge.home / "service" / "submitted").read_text().split()


def until(done: Callable[[], bool], sweep: "subprocess.Popen[str]") -> None:
    while not done():
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.05)


@pytest.mark.cold
def test_trials_of_a_service_are_runs_here(service: "Fledge") -> None:
    points = [{"script.args.x": x, "script.args.word": word} for x, word in ((2, "sgd"), (5, "a b"), (666, "sgd"))]
    spec(service, points)
    words = (*X, "script.args.x=2,5,666", "--param", "script.args.word=sgd,a b", "--trials", "3", "--parallel", "2")
    told = service(*words, "--name", "n", "--json")
    rows = {one["params"]["script.args.x"]: one for one in told.lines[:-1]}
    assert {x: row["state"] for x, row in rows.items()} == {2: "COMPLETED", 5: "COMPLETED", 666: "FAILED"}
    assert rows[5]["params"]["script.args.word"] == "a b"
    assert rows[666]["error"] == "FAILED: s.py ended with exit status 1"
    assert told.last["best"] == rows[5]
    assert rows[5]["value"] == 10.0
    assert len(submitted(service)) == 1
    run = rows[5]["run"]
    shown = service("runs", "show", run, "--json").last
    assert shown["spec"]["script"]["args"][-2:] == ["--x=5", "--word=a b"]
    assert shown["experiment"] == "n"
    service("runs", "download", run, "outputs/told.txt", "-o", "got")
    assert (service.folder / "got" / "outputs" / "told.txt").read_text() == "5.0 a b"
    # Nothing is sent or begun again.
    assert service("sweep", "--show", "n", "--json").last == told.last
    again = service("sweep", "--resume", "n", "--json")
    assert again.last == told.last
    assert len(executed(service)) == 3
    # It has ended, which nothing undoes.
    assert "sweep n is COMPLETED" in service("sweep", "--cancel", "n").err
    service("report", "--sweep", "n")
    assert run in (service.folder / "report-n.html").read_text()


def test_a_trial_that_failed_goes_on_as_a_run_of_its_own(service: "Fledge") -> None:
    spec(service, xs(666, 1))
    told = service(*X, "script.args.x=666,1", "--trials", "2", "--json")
    failed = next(one for one in told.lines[:-1] if one["state"] == "FAILED")
    (service.folder / "go").touch()
    service("runs", "resume", failed["run"])
    shown = service("runs", "show", failed["run"], "--json").last
    assert (shown["state"], shown["metrics"]["score"]) == ("COMPLETED", 1332.0)
    assert len(executed(service)) == 3


def test_what_the_service_stops_is_pruned(service: "Fledge") -> None:
    spec(service, xs(9, 1), waits="1.0")
    (service.folder / "lags").write_text("1")
    told = service(*X, "script.args.x=9,1", "--trials", "2", "--pruner", "bandit", "--slack", "0.1", "--json")
    states = {one["params"]["script.args.x"]: one for one in told.lines[:-1]}
    assert {x: one["state"] for x, one in states.items()} == {9: "COMPLETED", 1: "PRUNED"}
    assert "lagged behind" in states[1]["error"]
    assert service("runs", "show", states[1]["run"], "--json").last["state"] == "CANCELED"


def test_without_a_pruner_nothing_is_pruned(service: "Fledge") -> None:
    spec(service, xs(9, 1), waits="1.0")
    (service.folder / "lags").write_text("1")
    told = service(*X, "script.args.x=9,1", "--trials", "2", "--json")
    assert {one["state"] for one in told.lines[:-1]} == {"COMPLETED", "FAILED"}


def test_whoever_follows_may_be_killed(service: "Fledge") -> None:
    spec(service, xs(1, 2, 3), waits="1.0/2.0")
    words = (*X, "script.args.x=1,2,3", "--trials", "3", "--parallel", "2", "--name", "killed", "--json")
    sweep = service.start(*words)
    until(lambda: len(executed(service)) == 2, sweep)
    sweep.kill()
    sweep.communicate()
    (service.folder / "go").touch()
    told = service(*words)
    assert [one["state"] for one in told.lines[:-1]] == ["COMPLETED"] * 3
    assert len(submitted(service)) == 1
    assert len(executed(service)) == 3
    assert len(service("runs", "list", "--json").lines) == 3


def test_ctrl_c_leaves_it_going_and_it_can_be_canceled(service: "Fledge") -> None:
    spec(service, xs(1, 2), waits="1.0/2.0")
    words = (*X, "script.args.x=1,2", "--trials", "2", "--parallel", "2", "--pruner", "bandit", "--slack", "0.1")
    sweep = service.start(*words, "--name", "left", "--json")
    until(lambda: len(executed(service)) == 2, sweep)
    assert "is driven by another fledge command" in service("sweep", "--resume", "left", status=1).err
    sweep.send_signal(signal.SIGINT)
    out, err = sweep.communicate()
    assert sweep.returncode == 130
    assert "Traceback" not in err
    assert "goes on there. To follow it: fledge sweep --resume left" in err
    assert "fledge sweep --cancel left" in err
    assert json.loads(out.splitlines()[-1])["best"] is None
    runs = [one["run"] for one in service("runs", "list", "--json").lines]
    assert {service("runs", "show", run, "--json").last["state"] for run in runs} == {"RUNNING"}
    canceled = service("sweep", "--cancel", "left", "--json")
    assert "sweep left is CANCELED" in canceled.err
    # Not for lagging behind.
    assert [(one["state"], one["error"].split(":")[0]) for one in canceled.lines[:-1]] == [("FAILED", "CANCELED")] * 2
    assert service("sweep", "--cancel", "left", "--json").last == canceled.last
    assert {service("runs", "show", run, "--json").last["state"] for run in runs} == {"CANCELED"}


def test_what_is_canceled_with_its_sweep_elsewhere_was_not_pruned(service: "Fledge") -> None:
    spec(service, xs(1, 2), waits="1.0/2.0")
    (service.folder / "slow").touch()
    words = (*X, "script.args.x=1,2", "--trials", "2", "--parallel", "2", "--pruner", "bandit", "--slack", "0.1")
    sweep = service.start(*words, "--name", "away", "--json")

    def states() -> set[str]:
        return {one["state"] for one in service("runs", "list", "--json").lines}

    until(lambda: len(executed(service)) == 2 and states() == {"RUNNING"}, sweep)
    (there,) = submitted(service)
    # As the service does for whoever wants it in a browser.
    (service.home / "service" / "sweeps" / there / "canceled").touch()
    until(lambda: states() == {"CANCELED"}, sweep)
    (service.folder / "slow").unlink()
    out, err = sweep.communicate()
    assert [one["state"] for one in map(json.loads, out.splitlines()[:-1])] == ["FAILED"] * 2
    assert "sweep away is CANCELED" in err


def test_a_run_that_a_person_cancels_was_not_pruned(service: "Fledge") -> None:
    spec(service, xs(1, 2), waits="1.0")
    words = (*X, "script.args.x=1,2", "--trials", "2", "--parallel", "2", "--pruner", "bandit", "--slack", "0.1")
    sweep = service.start(*words, "--json")
    until(lambda: len(executed(service)) == 2, sweep)

    def runs() -> list[str]:
        return [one["run"] for one in service("runs", "list", "--json").lines if one["state"] == "RUNNING"]

    until(lambda: len(runs()) == 1, sweep)
    service("runs", "cancel", runs()[0])
    out, _ = sweep.communicate()
    assert {one["state"] for one in map(json.loads, out.splitlines()[:-1])} == {"COMPLETED", "FAILED"}


_CUT_OFF = """
import json
from pathlib import Path
from fledge.discovery.discover import discover
from fledge.runs.places import home
from fledge.sweeping.begin import Wanted, define
from fledge.sweeping.native import follow
from fledge.testing.cut_off import cut_off
from optuna.storages import RDBStorage

# What the first one imports takes long where every call is looked at.
RDBStorage("sqlite:///:memory:")
catalog = discover()

def sweep(number):
    params = ("script.args.x=1,2",)
    wanted = Wanted(
        Path("spec.toml"), params, (), 1, 1, None, None, None, None, None, "score", True, f"cut-{number}", True
    )
    definition = define(wanted, catalog, home(), lambda line: None)
    return follow(definition, catalog, home(), 1, lambda line: None, lambda trial: None)

killed = cut_off(sweep, spread=8)
print(json.dumps([[trial.run for trial in sweep(number)] for number in range(len(killed))]))
print(json.dumps(killed))
"""


def test_it_may_be_killed_anywhere(service: "Fledge") -> None:
    spec(service, xs(1))
    # The first trial of all waits for what the others find ready: whoever follows it has more to do than the others.
    first = service(*X, "script.args.x=1,2", "--trials", "1", "--json").last["best"]["run"]
    done = subprocess.run(
        [sys.executable, "-c", _CUT_OFF], cwd=service.folder, env=service.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    runs, killed = map(json.loads, done.stdout.splitlines())
    assert sum(killed) >= 6
    assert {len(trials) for trials in runs} == {1}
    # One sweep there for each, and one trial.
    assert len(set(submitted(service))) == 1 + len(killed)
    assert len(executed(service)) == 1 + len(killed)
    listed = {one["run"]: one["state"] for one in service("runs", "list", "--limit", "100", "--json").lines}
    assert listed == {first: "COMPLETED"} | {run: "COMPLETED" for (run,) in runs}


TRAINING = """
[dataset]
name = "dots"
[model]
name = "tiny"
[training]
mode = "head"
[backend]
name = "service"
[trackers.lines]
path = "lines"
"""


def test_a_training_has_the_values_that_were_drawn(service: "Fledge") -> None:
    (service.folder / "spec.toml").write_text(TRAINING)
    drawn = [
        {"training.lr": 0.003, "training.epochs": 2, "training.mode": "head", "training.views": 2},
        {"training.lr": 0.002, "training.epochs": 1, "training.mode": "finetune", "training.views": 2},
    ]
    (service.folder / "points").write_text(json.dumps(drawn))
    keys = {"lr": "0.002,0.003", "epochs": "1,2", "mode": "head,finetune", "views": "0,2"}
    params = [word for key, values in keys.items() for word in ("--param", f"training.{key}={values}")]
    told = service("sweep", "spec.toml", "--native", *params, "--trials", "2", "--json")
    trained, refused = told.lines[:-1]
    assert told.last["best"] == trained
    shown = service("runs", "show", trained["run"], "--json").last
    assert shown["metrics"]["best_val_accuracy"] == trained["value"]
    for key, value in trained["params"].items():
        assert shown["spec"]["training"][key.partition(".")[2]] == value
    journal = (service.home / "runs" / trained["run"] / "journal.jsonl").read_text()
    assert journal.count('"event": "metrics"') == 2
    # Good alone, and not together, of which nobody knew before.
    assert refused["state"] == "FAILED"
    assert "views has no effect in mode 'finetune'" in service("runs", "show", refused["run"]).out
    # Resumed, it is no other.
    service("runs", "resume", refused["run"], status=1)
    again = service("runs", "show", refused["run"], "--json").last
    assert (again["state"], again["submissions"]) == ("FAILED", 2)
    assert "views has no effect in mode 'finetune'" in again["error"]


def test_what_is_sent_is_shown_and_nothing_is_left_of_it(service: "Fledge") -> None:
    spec(service, xs(1, 2))
    before = set(service.folder.rglob("*"))
    shown = service(*X, "script.args.x=1,2", "--trials", "2", "--dry-run", "--json").last
    assert shown["job"]["rank"][-1] == "script.args.x={{script.args.x}}"
    assert shown["request"]["search"]["trials"] == 2
    assert set(service.folder.rglob("*")) == before


REFUSED = [
    (("--param", "script.args.x=1,2", "--sampler", "tpe"), "the service draws the values, and knows no TPE"),
    (("--param", "script.args.x=1,2", "--pruner", "asha"), "knows no successive halving"),
    (("--param", "script.args.x=1,2", "--set", "backend.name=local"), "'local' runs no sweeps by itself"),
    (("--param", "script.args.x=1,2", "--set", "backend.name=local"), "of one that does: azureml, service"),
    (("--param", "script.args.x=1,2", "--trials", "6"), "the service takes five trials at most"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_what_a_service_cannot_do_is_refused(service: "Fledge", words: tuple[str, ...], told: str) -> None:
    spec(service, xs(1, 2))
    before = set(service.folder.rglob("*"))
    assert told in service("sweep", "spec.toml", "--native", "--maximize", "score", *words, status=2).err
    assert set(service.folder.rglob("*")) == before


def test_what_was_never_sent_cannot_be_canceled(service: "Fledge") -> None:
    spec(service, xs(1))
    (service.folder / "full").touch()
    words = (*X, "script.args.x=1,2", "--trials", "1", "--name", "n")
    assert "fledge sweep --resume n" in service(*words, status=1).err
    assert "was never sent" in service("sweep", "--cancel", "n", status=1).err
    # As whoever sends it just now has it.
    with FileLock(service.home / "sweeps" / "n" / ".lock"):
        assert "is driven by another fledge command" in service("sweep", "--cancel", "n", status=1).err
    # Nor is its name taken.
    other = (*X, "script.args.x=3,4", "--trials", "1", "--name", "n")
    assert "fledge sweep --resume n" in service(*other, status=1).err
    (service.folder / "full").unlink()
    spec(service, xs(3))
    assert service("sweep", "--resume", "n", "--json").last["best"]["value"] == 6.0
    assert "and it is another" in service(*words, status=2).err


def test_a_trial_of_values_that_none_has_is_left_alone(service: "Fledge") -> None:
    spec(service, xs(1, 7, 2))
    words = (*X, "script.args.x=1,2", "--trials", "3", "--name", "n")
    told = service(*words, "--json")
    assert told.last["best"]["value"] == 4.0
    assert told.err.count("trial 1 there has a value that no trial of this sweep has: 7 is none of 1,2") == 1
    assert len(service("runs", "list", "--json").lines) == 2
    assert service("sweep", "--resume", "n", "--json").last["best"]["value"] == 4.0


def test_a_sweep_is_native_or_not(service: "Fledge") -> None:
    spec(service, xs(1, 2))
    words = (*X, "script.args.x=1,2", "--trials", "2", "--name", "n")
    service(*words)
    assert "takes no more" in service("sweep", "--resume", "n", "--trials", "3", status=2).err
    assert "no --parallel" in service("sweep", "--resume", "n", "--parallel", "3", status=2).err
    ordinary = [word for word in words if word != "--native"]
    assert "native: True there" in service(*ordinary, "--sampler", "random", status=2).err
    assert "--native" in service(*ordinary, "--dry-run", status=2).err
    assert "leave out --native" in service("sweep", "--cancel", "n", "--native", status=2).err
    local = ("--set", "backend.name=local", "--sampler", "grid", "--name", "here")
    service(*[word for word in ordinary if word not in ("n", "--name")], *local)
    assert "is driven by a fledge command" in service("sweep", "--cancel", "here", status=2).err


def test_words_are_the_values_that_they_stand_for() -> None:
    assert Range(0.1, 0.9).meant("0.90000000000000002") == 0.9
    assert [repr(Range(1, 64, whole=True).meant(word)) for word in ("32.0", "1", "64.0")] == ["32", "1", "64"]
    assert Choices((8, 16)).meant("16.0") == 16
    assert Choices((0.1, 0.00001)).meant("1E-05") == 0.00001
    assert Choices((True, False)).meant("false") is False
    for domain, word in ((Range(1, 2), "3"), (Range(1, 4, whole=True), "2.5"), (Choices(("sgd",)), "adam")):
        with pytest.raises(ValueError, match=word):
            domain.meant(word)
