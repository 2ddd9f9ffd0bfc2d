"""Runs that are told apart: lists, tables, reasons; and a run that is made once more."""

import json
import operator
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fledge.comparing.condition import Condition
from fledge.comparing.listing import chosen
from hypothesis import given
from hypothesis import strategies as st

from tests.long_run import journal, shown, words

if TYPE_CHECKING:
    from tests.conftest import Fledge

SCRIPT = """
    import sys
    import fledge

    for step in (1, 2, 3):
        fledge.log(step=step, loss=1 / step if step < 3 else float(sys.argv[1]), nothing="nan")
    print("the first version")
"""


def git(folder: Path, *told: str) -> None:
    me = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
    subprocess.run(["git", "-C", folder, *me, *told], check=True, capture_output=True)


class Scripts:
    """Runs of a script in a repository: `first` and its `same`, `other` by its argument, `edited`, `failed`."""

    def __init__(self, fledge: "Fledge") -> None:
        self.fledge = fledge
        self.script = fledge.folder / "s.py"
        self.script.write_text(textwrap.dedent(SCRIPT))
        git(fledge.folder, "init", "--initial-branch", "main")
        git(fledge.folder, "remote", "add", "origin", "https://me:secret@example.com/birds.git")
        git(fledge.folder, "add", "s.py")
        git(fledge.folder, "commit", "--message", "first")
        self.first, self.same, self.other = self.run("0.25"), self.run("0.25"), self.run("0.5", "--experiment", "late")
        self.script.write_text(self.script.read_text().replace("first version", "second version"))
        self.edited = self.run("0.25", status=0)
        self.script.write_text("raise SystemExit(7)")
        self.failed = self.run("0.25", status=1)

    def run(self, argument: str, *more: str, status: int = 0) -> str:
        done = self.fledge("run", "--script", "s.py", "--json", *more, "--", argument, status=status)
        return str(done.last["run"])

    def explained(self, one: str, other: str) -> dict[str, Any]:
        return self.fledge("runs", "explain", one, other, "--json").last


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> Scripts:
    return Scripts(fledge_in(tmp_path_factory.mktemp("compare") / "work"))


def test_what_was_run_is_kept(scripts: Scripts) -> None:
    (told,) = (event for event in journal(scripts.fledge, scripts.other) if event["event"] == "lineage")
    commit = subprocess.run(
        ["git", "-C", scripts.fledge.folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    remote = "https://example.com/birds.git"
    assert told["git"] == {"commit": commit.stdout.strip(), "branch": "main", "remote": remote, "dirty": False}
    assert told["overrides"] == {"experiment": "late", "script.path": "s.py", "script.args": ["0.5"]}
    assert told["seed"] == 0
    assert {"torch", "pydantic", "fledge"} <= told["packages"].keys()
    assert told["hardware"]["cores"] >= 1
    folder = scripts.fledge.home / "runs"
    assert not (folder / scripts.other / "code.diff").exists()
    assert '+print("the second version")' in (folder / scripts.edited / "code.diff").read_text()
    plan = json.loads((folder / scripts.edited / "plan.json").read_text())
    assert plan["lineage"]["git"]["dirty"] is True


def test_two_that_are_the_same_are_called_so(scripts: Scripts) -> None:
    told = scripts.explained(scripts.first, scripts.same)
    assert told["equal"]
    assert told["verdict"] == "they are the same"
    assert not any(told["causes"].values())


def test_another_argument_is_found_and_the_step_from_which_it_shows(scripts: Scripts) -> None:
    told = scripts.explained(scripts.first, scripts.other)
    assert told["causes"]["spec"] == {"experiment": ["default", "late"], "script.args": [["0.25"], ["0.5"]]}
    assert told["first_difference"] == {"epoch": None, "step": 3, "metric": "loss", "values": [0.25, 0.5]}
    assert not told["equal"]
    out = scripts.fledge("runs", "explain", scripts.first, scripts.other).out
    assert "they differ in spec\n" in out
    assert "first apart in step 3: loss = 0.25 | 0.5\n" in out


def test_another_text_is_shown_line_by_line(scripts: Scripts) -> None:
    told = scripts.explained(scripts.first, scripts.edited)
    assert set(told["causes"]["code"]) == {"s.py", "git dirty"}
    assert '-print("the first version")\n+print("the second version")\n' in told["patch"]
    assert told["equal"], "their metrics are"
    assert told["verdict"] == "they came to the same, though they differ in code"


def test_one_that_came_to_its_end_is_not_the_same_as_one_that_did_not(fledge: "Fledge", tmp_path: Path) -> None:
    (fledge.folder / "s.py").write_text(
        textwrap.dedent("""
        import sys
        from pathlib import Path
        import fledge

        fledge.log(step=1, loss=0.5)
        if Path(sys.argv[1], "stop").exists():
            sys.exit(3)
        for step in range(2, 4 + Path(sys.argv[1], "more").exists()):
            fledge.log(step=step, loss=1 / step)
    """)
    )

    def run(status: int = 0) -> str:
        done = fledge("run", "--script", "s.py", "--json", "--", tmp_path, status=status)
        return str(done.last["run"])

    whole = run()
    (tmp_path / "more").touch()
    longer = run()
    (tmp_path / "stop").touch()
    failed, again = run(status=1), run(status=1)
    told = fledge("runs", "explain", whole, failed, "--json").last
    assert not told["equal"]
    assert told["verdict"] == "one is COMPLETED, the other FAILED"
    assert told["first_difference"] is None
    assert told["ends"] == [{"epoch": None, "step": 3}, {"epoch": None, "step": 1}]
    out = fledge("runs", "explain", whole, failed).out
    assert "state: COMPLETED | FAILED\nerror: - | " in out
    assert "one ended at step 3, the other at step 1\n" in out
    assert not fledge("runs", "explain", whole, longer, "--json").last["equal"]
    assert fledge("runs", "explain", failed, again, "--json").last["verdict"] == "they are the same"


def test_runs_side_by_side(scripts: Scripts) -> None:
    one, other, failed = scripts.first, scripts.other, scripts.failed
    rows = scripts.fledge("runs", "compare", one, other, failed, "--json").lines
    told = {(row["section"], row["key"]): row["values"] for row in rows}
    assert told["spec", "script.args"] == [["0.25"], ["0.5"], ["0.25"]]
    assert told["result", "loss"] == [0.25, 0.5, None]
    assert told["result", "state"] == ["COMPLETED", "COMPLETED", "FAILED"]
    assert ("environment", "python") not in told
    every = scripts.fledge("runs", "compare", one, other, "--all", "--json").lines
    assert ("environment", "python") in {(row["section"], row["key"]) for row in every}
    out = scripts.fledge("runs", "compare", one, other).out
    assert out.splitlines()[0].split() == [one, other]
    assert "one run is alone" in scripts.fledge("runs", "compare", one, status=2).err


def test_a_list_of_some_in_another_order(scripts: Scripts) -> None:
    def listed(*told: str) -> list[str]:
        return [line["run"] for line in scripts.fledge("runs", "list", "--json", *told).lines]

    everybody = [scripts.failed, scripts.edited, scripts.other, scripts.same, scripts.first]
    assert listed() == everybody
    assert listed("--where", "state=FAILED") == listed("--where", "state=failed") == [scripts.failed]
    assert listed("--where", "experiment~LAT") == [scripts.other]
    assert listed("--where", "loss<=0.25", "--where", "state!=FAILED") == [scripts.edited, scripts.same, scripts.first]
    assert listed("--sort", "loss") == [*everybody[1:2], *everybody[3:], scripts.other, scripts.failed]
    assert listed("--sort", "-loss", "--limit", "1") == [scripts.other]
    told = scripts.fledge("runs", "list", "--columns", "script.args,loss", "--limit", "3", "--json").lines
    assert told[2] == {"run": scripts.other, "script.args": ["0.5"], "loss": 0.5}
    assert scripts.fledge("runs", "list", "--columns", "run,loss").out.splitlines()[1].split() == [scripts.failed]
    # Which of those that are listed has none; and twice the same.
    shown = scripts.fledge("runs", "list", "--columns", "run, loss,run", "--limit", "1").out.splitlines()
    assert [line.split() for line in shown] == [["run", "loss"], [scripts.failed]]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (["--where", "loss"], "--where loss: not of the form KEY=VALUE"),
        (["--where", "los=1"], "no run has a 'los'; did you mean 'loss'?"),
        (["--where", "state=complete"], "there is no state named 'COMPLETE'; did you mean 'COMPLETED'?"),
        (["--sort", "script.arg"], "did you mean 'script.args'?"),
        (["--columns", "run,stat"], "did you mean 'state'?"),
        (["--where", "loss=>0.5"], "--where loss=>0.5: not of the form KEY=VALUE"),
        (["--where", "loss>50%"], "loss is a number, and '50%' is none"),
    ],
)
def test_what_no_run_has_is_refused(scripts: Scripts, told: list[str], says: str) -> None:
    assert says in scripts.fledge("runs", "list", *told, status=2).err


def test_once_more_from_what_was_kept(scripts: Scripts, tmp_path: Path) -> None:
    # In a copy of the home: the other tests count its runs. The script in the folder is another one by now.
    shutil.copytree(scripts.fledge.home, tmp_path / ".fledge")
    fledge = replace(scripts.fledge, folder=tmp_path)
    done = fledge("rerun", scripts.first, "--json")
    assert done.last["state"] == "COMPLETED"
    again = done.last["run"]
    assert "the first version" in done.err
    assert fledge("runs", "explain", scripts.first, again, "--json").last["verdict"] == "they are the same"
    told = next(event for event in journal(fledge, again) if event["event"] == "lineage")
    assert told["rerun_of"] == scripts.first
    edited = fledge("rerun", scripts.edited, "--detach").out.strip()
    fledge("runs", "logs", edited, "--follow")
    patches = [(fledge.home / "runs" / run / "code.diff").read_text() for run in (scripts.edited, edited)]
    assert patches[0] == patches[1]
    kept = fledge.home / "runs" / again / "code" / "s.py"
    kept.unlink()
    assert "lacks s.py" in fledge("rerun", again, status=1).err


def test_trainings_are_told_apart_by_their_seed(fledge: "Fledge") -> None:
    one = fledge(*words(), "--json").last
    again = fledge("rerun", one["run"], "--json").last
    assert again["weights_sha256"] == one["weights_sha256"]
    other = fledge(*words("seed=1"), "--json").last
    told = fledge("runs", "explain", one["run"], other["run"], "--json").last
    assert told["causes"]["spec"] == {"seed": [0, 1]}
    assert told["first_difference"]["epoch"] == 1
    assert told["weights_sha256"] == [one["weights_sha256"], other["weights_sha256"]]
    (fledge.folder / "s.py").write_text("")
    script = fledge("run", "--script", "s.py", "--json").last["run"]
    assert not fledge("runs", "explain", one["run"], script, "--json").last["equal"]
    same = fledge("runs", "explain", one["run"], again["run"]).out
    assert same.splitlines()[0] == "they are the same"
    assert "the same weights" in same
    assert shown(fledge, again["run"])["spec"] == shown(fledge, one["run"])["spec"]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_compared_as_numbers(one: float, other: float) -> None:
    meant = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
    for sign, name in meant.items():
        assert Condition.parse(f"loss{sign}{other!r}").holds(one) == getattr(operator, name)(one, other)


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [("loss==0.5", 0.5, True), ("on=True", True, True), ("on!=TRUE", True, False), ("loss=nan", "nan", True),
     ("loss<inf", 1e308, True), ("size<large", "huge", True)],
)  # fmt: skip
def test_a_slip_is_understood(text: str, value: Any, holds: bool) -> None:
    assert Condition.parse(text).holds(value) == holds


def test_what_is_no_number_comes_last_and_what_is_infinite_where_it_belongs() -> None:
    values = ["nan", 0.5, "-inf", None, 2, "inf"]
    runs: list[Any] = [_Run(value) for value in values]
    assert [run["loss"] for run in chosen(runs, (), "loss", ())] == ["-inf", 0.5, 2, "inf", "nan", None]
    assert [run["loss"] for run in chosen(runs, (), "-loss", ())] == ["inf", 2, 0.5, "-inf", "nan", None]


class _Run(dict[str, Any]):
    def __init__(self, loss: Any) -> None:
        super().__init__(loss=loss)

    def known(self) -> list[str]:
        return ["loss"]


@given(st.text())
def test_any_condition_is_read_or_refused(text: str) -> None:
    from fledge.errors import UsageError

    try:
        found = Condition.parse(text)
    except UsageError:
        return
    assert found.sign in text
    assert found.holds(None) == (found.sign == "!=")
