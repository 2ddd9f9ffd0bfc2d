"""`fledge sweep`: many runs in search of the best values, through kills, interrupts and failures."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fledge.sweeping.trial import Trial, TrialState

from tests.long_run import strays, supervisor

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# Tells that it was executed, waits where it is told to, and fails in the ways that a run can.
SCRIPT = """
import argparse, fledge, os, pathlib, time
told = argparse.ArgumentParser()
told.add_argument("--x", type=float)
told.add_argument("--waits", default="")
told.add_argument("--place", type=pathlib.Path)
told = told.parse_args()
with open(told.place / "executed", "a") as file:
    file.write(os.environ["FLEDGE_RUN_ID"] + "\\n")
if told.x == 666:
    raise SystemExit("it is that number")
score = float("nan") if told.x == 13 else told.x
fledge.log(step=1, score=score)
while str(told.x) in told.waits.split("/") and not (told.place / "go").exists():
    time.sleep(0.02)
fledge.log(step=2, score=2 * score)
"""
DOTS = """
experiment = "dots"
[dataset]
name = "dots"
train = 24
[model]
name = "tiny"
[training]
mode = "head"
epochs = 2
"""


def script(fledge: "Fledge", waits: str = "") -> str:
    (fledge.folder / "s.py").write_text(SCRIPT)
    args = json.dumps(["--place", str(fledge.folder), "--waits", waits])
    (fledge.folder / "spec.toml").write_text(f'[script]\npath = "s.py"\nargs = {args}\n')
    return "spec.toml"


def executed(fledge: "Fledge") -> "Counter[str]":
    """How often each run's script was started."""
    path = fledge.folder / "executed"
    return Counter(path.read_text().split() if path.exists() else ())


def until(fledge: "Fledge", count: int, sweep: "subprocess.Popen[str]") -> list[str]:
    while len(found := executed(fledge)) < count:
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.05)
    return sorted(found)


X = ("--maximize", "score", "--sampler", "grid", "--param")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with a sweep of four trials; what it printed is in the file `printed`."""
    fledge = fledge_in(tmp_path_factory.mktemp("sweep") / "work")
    words = ("--param", "script.args.x=1..9", "--maximize", "score", "--sampler", "random", "--name", "four")
    told = fledge("sweep", script(fledge), *words, "--trials", "3", "--parallel", "2", "--json")
    (fledge.folder / "printed").write_text(told.out)
    assert "sweep four: 3 trials, random, to maximize score" in told.err
    return fledge


def printed(fledge: "Fledge") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (fledge.folder / "printed").read_text().splitlines()]


def test_every_trial_is_an_ordinary_run(swept: "Fledge") -> None:
    *trials, last = printed(swept)
    assert sorted(one["trial"] for one in trials) == [0, 1, 2]
    assert {one["state"] for one in trials} == {"COMPLETED"}
    best = max(trials, key=lambda one: one["value"])
    assert last == {"sweep": "four", "trials": 3, "best": best}
    runs = swept("runs", "list", "--json").lines
    assert {one["run"] for one in runs} == {one["run"] for one in trials}
    assert {one["experiment"] for one in runs} == {"four"}
    spec = swept("runs", "show", best["run"], "--json").last["spec"]
    x = best["params"]["script.args.x"]
    assert spec["script"]["args"][-1] == f"--x={x}"
    # Whole numbers by the way they were written, for a script tells nothing of its options.
    assert isinstance(x, int)
    assert best["value"] == 2 * x


def test_a_report_has_pictures_of_the_trials_and_the_best_run(swept: "Fledge") -> None:
    assert swept("report", "--sweep", "four").out == "report-four.html\n"
    page = (swept.folder / "report-four.html").read_text()
    *trials, last = printed(swept)
    best = last["best"]
    for trial in trials:
        name = f"{trial['trial']} (best)" if trial == best else str(trial["trial"])
        told = f"<td>{trial['params']['script.args.x']}</td><td>{trial['value']:.4g}</td><td>COMPLETED</td>"
        assert f'<th scope="row">{name}</th>{told}<td>{trial["run"]}</td>' in page
    assert f'aria-label="score by trial; best {best["value"]:.4g}"' in page
    assert f'aria-label="score by script.args.x; best at {best["params"]["script.args.x"]}"' in page
    assert f"run {best['run']}" in page
    assert "did you mean 'four'?" in swept("report", "--sweep", "fuor", status=2).err
    assert "fledge report latest" in swept("report", status=2).err


def test_a_sweep_is_shown_and_what_has_ended_is_never_run_again(swept: "Fledge") -> None:
    *trials, last = printed(swept)
    before = executed(swept)
    for words in (("--show", "four"), ("--resume", "four")):
        told = swept("sweep", *words, "--json")
        assert sorted(told.lines[:-1], key=lambda one: one["trial"]) == sorted(trials, key=lambda one: one["trial"])
        assert told.last == last
    assert executed(swept) == before
    header, *rows = swept("sweep", "--show", "four").out.splitlines()
    assert header.split() == ["trial", "state", "script.args.x", "score", "run"]
    assert [row.split()[:2] for row in rows] == [[str(number), "COMPLETED"] for number in range(3)]
    assert "there is: four" in swept("sweep", "--show", "fuor", status=2).err


def test_another_sweep_of_the_same_name_is_refused_with_what_differs(swept: "Fledge") -> None:
    words = ("--param", "script.args.x=1..10", "--maximize", "score", "--sampler", "random", "--name", "four")
    told = swept("sweep", "spec.toml", *words, "--set", "seed=3", status=2).err
    assert "--param script.args.x: 1..9 there, 1..10 here" in told
    assert "seed: 0 there, 3 here" in told
    assert "fledge sweep --resume four" in told


def test_a_sweep_can_grow_and_values_follow_from_the_seed(swept: "Fledge", fledge: "Fledge") -> None:
    words = ("--param", "script.args.x=1..9", "--maximize", "score", "--sampler", "random", "--name", "four")
    first = fledge("sweep", script(fledge), *words, "--trials", "1", "--json")
    grown = fledge("sweep", "--resume", "four", "--trials", "2", "--json")
    assert grown.lines[0] == first.lines[0]
    assert grown.last["trials"] == 2
    assert [one["params"] for one in grown.lines[:-1]] == [
        one["params"] for one in sorted(printed(swept)[:-1], key=lambda one: one["trial"])[:2]
    ]


def test_what_is_killed_goes_on_and_no_trial_runs_twice(fledge: "Fledge") -> None:
    words = (*X, "script.args.x=1,2", "--parallel", "2", "--name", "killed", "--json")
    sweep = fledge.start("sweep", script(fledge, waits="1.0/2.0"), *words)
    runs = until(fledge, 2, sweep)
    sweep.kill()
    sweep.communicate()
    # One of the runs too, after which nobody looks for now.
    os.killpg(supervisor(fledge, runs[0]), signal.SIGKILL)
    assert [fledge("runs", "show", run, "--json").last["state"] for run in runs] == ["LOST", "RUNNING"]
    (fledge.folder / "go").touch()
    told = fledge("sweep", "spec.toml", *words)
    assert [one["state"] for one in told.lines[:-1]] == ["COMPLETED"] * 2
    assert told.last["best"]["value"] == 4.0
    assert f"run {runs[0]}, was LOST and is resumed" in told.err
    assert executed(fledge) == {runs[0]: 2, runs[1]: 1}


def test_an_interrupted_sweep_stops_its_runs_and_goes_on_with_them(fledge: "Fledge") -> None:
    words = (*X, "script.args.x=1,2,3", "--parallel", "2", "--name", "stopped")
    sweep = fledge.start("sweep", script(fledge, waits="1.0/2.0"), *words, "--json")
    runs = until(fledge, 2, sweep)
    assert "is driven by another fledge command" in fledge("sweep", "--resume", "stopped", status=1).err
    assert [line.split()[1] for line in fledge("sweep", "--show", "stopped").out.splitlines()[1:]] == ["RUNNING"] * 2
    sweep.send_signal(signal.SIGINT)
    assert sweep.stderr is not None
    while not (line := sweep.stderr.readline()).startswith("canceling"):
        assert line
    # A second one must not leave half of it behind.
    sweep.send_signal(signal.SIGINT)
    out, err = sweep.communicate()
    assert sweep.returncode == 130
    assert "Traceback" not in err
    assert "fledge sweep --resume stopped" in err
    assert json.loads(out.splitlines()[-1]) == {"sweep": "stopped", "trials": 0, "best": None}
    assert {fledge("runs", "show", run, "--json").last["state"] for run in runs} == {"CANCELED"}
    assert [stray for run in runs for stray in strays(fledge, run)] == []
    (fledge.folder / "go").touch()
    told = fledge("sweep", "--resume", "stopped", "--json")
    assert told.last["trials"] == 3
    assert told.last["best"]["params"] == {"script.args.x": 3}
    third = next(one["run"] for one in told.lines if one.get("trial") == 2)
    assert executed(fledge) == {runs[0]: 2, runs[1]: 2, third: 1}


# A backend that takes its time to take a job.
SLOW = """
    import time
    from pathlib import Path

    from fledge import Offer, hookimpl
    from fledge_local.backend import Local

    @hookimpl
    def fledge_backends():
        return [Offer("slow", "slow:Slow", "fledge_local.options:LocalOptions")]

    class Slow(Local):
        def _submit(self, request, key, after):
            Path("taking").touch()
            while not Path("taken").exists():
                time.sleep(0.02)
            return super()._submit(request, key, after)
"""


def test_a_trial_that_was_being_submitted_goes_on_too(fledge: "Fledge", give: "Give") -> None:
    give("slow", SLOW)
    words = (*X, "script.args.x=1,2", "--name", "early", "--set", "backend.name=slow", "--json")
    sweep = fledge.start("sweep", script(fledge, waits="1.0"), *words)
    while not (fledge.folder / "taking").exists():
        assert sweep.poll() is None
    sweep.send_signal(signal.SIGINT)
    (fledge.folder / "taken").touch()
    sweep.communicate()
    assert sweep.returncode == 130
    (fledge.folder / "go").touch()
    told = fledge("sweep", "--resume", "early", "--json")
    assert [one["state"] for one in told.lines[:-1]] == ["COMPLETED"] * 2


_CUT_OFF = """
import json, sys
from pathlib import Path
from fledge.discovery.discover import discover
from fledge.runs.places import home
from fledge.sweeping.begin import Wanted, define
from fledge.sweeping.sweep import drive
from fledge.testing.cut_off import cut_off
from optuna.storages import RDBStorage

# What the first one imports takes long where every call is looked at.
RDBStorage("sqlite:///:memory:")
catalog = discover()

def sweep(number):
    params = ("script.args.x=1..9",)
    name = f"cut-{number}"
    wanted = Wanted(Path("spec.toml"), params, (), 1, 1, "tpe", None, None, None, None, "score", True, name)
    definition = define(wanted, catalog, home(), lambda line: None)
    return drive(definition, catalog, home(), 1, lambda line: None, lambda trial: None)

killed = cut_off(sweep, spread=8)
print(json.dumps([[trial.run for trial in sweep(number)] for number in range(len(killed))]))
print(json.dumps(killed))
"""


def test_a_sweep_may_be_killed_anywhere(fledge: "Fledge") -> None:
    # The first trial of all waits for what the others find ready: whoever follows it has more to do than the others.
    first = fledge("sweep", script(fledge), *X, "script.args.x=1,2", "--trials", "1", "--json").last["best"]["run"]
    done = subprocess.run(
        [sys.executable, "-c", _CUT_OFF], cwd=fledge.folder, env=fledge.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    runs, killed = map(json.loads, done.stdout.splitlines())
    assert sum(killed) >= 6
    assert {len(trials) for trials in runs} == {1}
    all_runs = [first, *(run for (run,) in runs)]
    assert executed(fledge) == dict.fromkeys(all_runs, 1)
    listed = {one["run"]: one["state"] for one in fledge("runs", "list", "--limit", "100", "--json").lines}
    assert listed == dict.fromkeys(all_runs, "COMPLETED")


def test_the_bandit_stops_what_lags_behind(fledge: "Fledge") -> None:
    words = (*X, "script.args.x=10,1,9", "--pruner", "bandit", "--slack", "0.15", "--name", "b")
    told = fledge("sweep", script(fledge, waits="1.0"), *words, "--json")
    states = {one["params"]["script.args.x"]: one for one in told.lines[:-1]}
    assert {x: one["state"] for x, one in states.items()} == {10: "COMPLETED", 1: "PRUNED", 9: "COMPLETED"}
    assert states[1]["error"] == "after 1 its best was 1, and another's 10"
    assert fledge("runs", "show", states[1]["run"], "--json").last["state"] == "CANCELED"
    assert told.last["best"]["params"] == {"script.args.x": 10}
    # What was stopped stays so.
    assert fledge("sweep", "--resume", "b", "--json").last == told.last


def test_of_a_few_choices_each_is_tried_once(fledge: "Fledge") -> None:
    words = ("--maximize", "score", "--param", "script.args.x=1,2,3")
    for sampler in ("tpe", "random"):
        told = fledge("sweep", script(fledge), *words, "--sampler", sampler, "--json")
        assert sorted(one["params"]["script.args.x"] for one in told.lines[:-1]) == [1, 2, 3]


def test_a_sweep_goes_on_when_its_reader_leaves(fledge: "Fledge") -> None:
    words = [*X, "script.args.x=1,2,3", "--name", "read", "--json"]
    command = f"{shlex.join([sys.executable, '-m', 'fledge', 'sweep', script(fledge), *words])} | head -n 1"
    subprocess.run(["bash", "-c", command], cwd=fledge.folder, env=fledge.environment, capture_output=True, check=True)
    rows = fledge("sweep", "--show", "read", "--json").lines
    assert [one["state"] for one in rows if "state" in one] == ["COMPLETED"] * 3


def test_successive_halving_stops_what_is_not_among_the_best(fledge: "Fledge") -> None:
    words = (*X, "script.args.x=10,1", "--pruner", "asha")
    told = fledge("sweep", script(fledge, waits="1.0"), *words, "--json")
    assert [one["state"] for one in told.lines[:-1]] == ["COMPLETED", "PRUNED"]


def test_trials_that_fail_are_told_and_the_others_go_on(fledge: "Fledge") -> None:
    told = fledge(
        "sweep", script(fledge), *X, "script.args.x=666,13,1,5", "--parallel", "2", "--set", "seed=1", "--json"
    )
    came = {one["params"]["script.args.x"]: (one["state"], one["error"]) for one in told.lines[:-1]}
    states = {666: "FAILED", 13: "FAILED", 1: "COMPLETED", 5: "COMPLETED"}
    assert {x: state for x, (state, _) in came.items()} == states
    assert came[666][1] == "FAILED: s.py ended with exit status 1"
    assert "completed, and its score is nan" in came[13][1]
    failed = fledge("sweep", "spec.toml", *X, "script.args.x=666,667", "--set", "seed=2", "--trials", "1", status=1)
    assert "error: no trial came to its end; the first that failed: FAILED: " in failed.err


def test_a_metric_that_nobody_reports_ends_the_sweep_with_the_names_there_are(fledge: "Fledge") -> None:
    words = ("--param", "script.args.x=1..9", "--minimize", "scores", "--trials", "5")
    told = fledge("sweep", script(fledge), *words, status=1)
    assert "reported no metric 'scores'; did you mean 'score'?" in told.err
    assert "there is: score" in told.err
    assert len(executed(fledge)) == 1
    assert "canceling" not in told.err
    (name,) = [path.name for path in (fledge.home / "sweeps").iterdir()]
    (trial, _) = fledge("sweep", "--show", name, "--json").lines
    assert (trial["state"], "reported no metric 'scores'" in trial["error"]) == ("FAILED", True)


def test_a_training_without_that_metric_is_stopped_after_an_epoch(fledge: "Fledge") -> None:
    (fledge.folder / "dots.toml").write_text(DOTS)
    words = ("--param", "training.lr=0.1,0.2,0.3", "--maximize", "val_acuracy", "--trials", "3", "--parallel", "2")
    # As if for an hour.
    slow = ("--set", "training.epochs=10000", "--name", "typo")
    told = fledge("sweep", "dots.toml", *words, *slow, status=1)
    assert "reports no metric 'val_acuracy'; did you mean 'val_accuracy'?" in told.err
    assert "start the sweep anew" in told.err
    *trials, last = fledge("sweep", "--show", "typo", "--json").lines
    assert [(trial["state"], "no metric 'val_acuracy'" in trial["error"]) for trial in trials] == [("FAILED", True)] * 2
    assert last == {"sweep": "typo", "trials": 2, "best": None}
    runs = fledge("runs", "list", "--json").lines
    assert [run["state"] for run in runs] == ["CANCELED"] * 2


def test_what_a_training_tells_at_its_end_alone_is_a_metric_too(fledge: "Fledge") -> None:
    (fledge.folder / "dots.toml").write_text(DOTS)
    words = ("--param", "training.lr=0.1,0.2", "--minimize", "best_epoch", "--trials", "1", "--json")
    assert fledge("sweep", "dots.toml", *words, "--set", "training.epochs=20").last["best"]["value"] >= 1


def test_an_objection_that_came_too_late_is_no_error() -> None:
    def row(state: TrialState, error: str | None = None) -> dict[str, Any]:
        return Trial(0, {}, state, "run", 1.0, (), error, "it lagged behind", False).row()

    assert row(TrialState.PRUNED)["error"] == "it lagged behind"
    assert row(TrialState.COMPLETED)["error"] is None
    assert row(TrialState.FAILED, "it broke")["error"] == "it broke"


@pytest.fixture(scope="module")
def dots(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    fledge = fledge_in(tmp_path_factory.mktemp("dots") / "work")
    (fledge.folder / "dots.toml").write_text(DOTS)
    return fledge


def test_trainings_are_swept(dots: "Fledge") -> None:
    words = ("--param", "training.lr=log:5e-4..5e-3", "--param", "training.epochs=1..3", "--trials", "2")
    told = dots("sweep", "dots.toml", *words, "--parallel", "2", "--json")
    assert told.last["sweep"].startswith("dots-")
    best = told.last["best"]
    assert f"fledge models register {best['run']} --name NAME" in told.err
    shown = dots("runs", "show", best["run"], "--json").last
    assert shown["metrics"]["best_val_accuracy"] == best["value"]
    # Of whole numbers where the option is one.
    assert isinstance(best["params"]["training.epochs"], int)
    for key, value in best["params"].items():
        assert shown["spec"]["training"][key.partition(".")[2]] == value


REFUSED = [
    (("--param", "training.lrr=0.1..1"), "does not take 0.1: run spec: unknown key training.lrr; did you mean 'lr'?"),
    (("--param", "dataset.tran=10..20"), "did you mean 'train'?"),
    (("--param", "training.momentum=0.9..1"), "the spec does not take 1: run spec: training.momentum = 1"),
    (("--param", "training.lr=0.1..1", "--param", "training.lr=0.1,0.2"), "--param training.lr is there twice"),
    (("--param", "trainig.lr=0.1..1"), "and keys of dataset, model, training; did you mean 'training'?"),
    (("--param", "backend.slots=1..2"), "a sweep varies seed, and keys of dataset, model, training"),
    (("--param", "training.lr=0.1..1", "--sampler", "grid"), "a grid needs the values of training.lr named"),
    (("--param", f"seed=1..{10**18}", "--sampler", "grid"), "the grid has 1,000,000,000,000,000,000 points"),
    (("--param", f"seed=1..{'9' * 400}"), "has an end that is no number here"),
    (("--param", "training.lr=[0.1,0.2]"), "begins as a list does"),
    (("--param", "training.lr=0.1..1", "--slack", "1"), "--slack belongs to --pruner bandit"),
    (("--param", "training.lr=0.1..1", "--pruner", "bandit"), "--pruner bandit needs --slack"),
    (("--param", "training.lr=0.1..1", "--set", "register=x"), "would have every trial's model registered"),
    (("--param", "training.lr=0.1..1", "--maximize", "a", "--minimize", "b"), "a sweep has one aim"),
    (("--param", "training.lr=0.1..1", "--maximize", ""), "take a metric's name"),
    (("--param", "training.lr=0.1..1", "--name", "../x"), "cannot be a sweep's name"),
    (("--param", "training.gamma=0.1..0.9"), "gamma has no effect on trials with training.schedule = 'cosine'"),
    (("--param", "training.step_size=2,7"), "training.step_size has no effect on trials with training.schedule"),
    (("--param", "training.momentum=0.9..0.99", "--set", "training.optimizer=adamw"),
     "--param training.momentum has no effect on trials with training.optimizer = 'adamw'"),
    # Of some trials; and what is the same of all, and set in vain.
    (("--param", "training.momentum=0.9..0.99", "--param", "training.optimizer=sgd,adamw"),
     "--param training.momentum has no effect on trials with training.optimizer = 'adamw'"),
    (("--param", "training.optimizer=sgd,adamw", "--set", "training.momentum=0.95"),
     "does not take adamw: training.momentum = 0.95 has no effect"),
    ((), "a sweep needs something to vary"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), REFUSED, ids=lambda one: " ".join(one) if isinstance(one, tuple) else "")
def test_what_cannot_work_is_refused_before_anything_starts(dots: "Fledge", words: tuple[str, ...], told: str) -> None:
    before = set(dots.folder.rglob("*"))
    assert told in dots("sweep", "dots.toml", *words, status=2).err
    assert set(dots.folder.rglob("*")) == before


def test_without_optuna_it_is_said_what_to_install(dots: "Fledge", tmp_path: Path) -> None:
    (tmp_path / "optuna.py").write_text("raise ModuleNotFoundError(\"No module named 'optuna'\", name='optuna')")
    path = f"{tmp_path}:{dots.environment['PYTHONPATH']}"
    told = dots("sweep", "dots.toml", "--param", "training.lr=0.1..1", status=2, PYTHONPATH=path).err
    assert "a sweep needs optuna" in told
    assert "in fledge's checkout: pip install -e '.[sweep]'" in told
