"""Runs of a person's own script."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge, Result


def script(fledge: "Fledge", code: str, *args: str, path: str = "s.py", status: int = 0) -> "Result":
    file = fledge.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code)
    return fledge("run", "--script", path, "--json", "--", *args, status=status)


def folder(fledge: "Fledge", done: "Result") -> Path:
    return fledge.home / "runs" / str(done.last["run"])


def travelled(fledge: "Fledge", done: "Result") -> set[str]:
    code = folder(fledge, done) / "code"
    files = {p.relative_to(code) for p in code.rglob("*") if p.is_file()}
    # What the script itself made there did not travel.
    ours = {".fledge-spec.toml", ".fledge-lineage.json"}
    return {str(p) for p in files if p.parts[0] not in ("outputs", "logs")} - ours


def test_arguments_reach_the_script_word_by_word(fledge: "Fledge") -> None:
    done = script(fledge, "import sys; print(sys.argv)", "--lr", "0.1", "--help", "a b", "", "--", "ä=1")
    assert "['s.py', '--lr', '0.1', '--help', 'a b', '', '--', 'ä=1']" in done.err


def test_what_it_writes_and_logs_is_collected(fledge: "Fledge") -> None:
    code = (
        "import os, pathlib, fledge\n"
        "pathlib.Path('outputs/deep').mkdir()\n"
        "pathlib.Path('outputs/deep/größe.txt').write_text('x')\n"
        "pathlib.Path('logs/train.log').write_text('y')\n"
        "fledge.log(step=1, best_val_acc=0.5, loss=2)\n"
        "fledge.log(best_val_acc=0.75, oddity=float('nan'))\n"
    )
    done = script(fledge, code, path="sub folder/trän.py")
    assert done.last["outputs"] == ["logs/train.log", "outputs/deep/größe.txt"]
    assert done.last["metrics"] == {"best_val_acc": 0.75, "loss": 2.0, "oddity": "nan"}
    assert done.last["weights_sha256"] is None
    assert travelled(fledge, done) == {"sub folder/trän.py"}


def test_a_metric_that_is_no_number_does_not_break_the_list(fledge: "Fledge") -> None:
    script(fledge, "import fledge; fledge.log(best_val_accuracy=float('nan'))")
    assert "nan" in fledge("runs", "list").out


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise SystemExit(3)", "s.py ended with exit status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "s.py was killed by SIGKILL"),
        ("import os; os.kill(os.getpid(), 40)", "s.py was killed by signal 40"),
    ],
)
def test_a_script_that_fails_fails_the_run(fledge: "Fledge", code: str, told: str) -> None:
    done = script(fledge, f"open('outputs/half', 'w').close()\n{code}", status=1)
    assert done.last["state"] == "FAILED"
    assert done.last["outputs"] == ["outputs/half"]
    assert told in done.err
    assert told in fledge("runs", "show", "latest", "--json").last["error"]


def test_log_outside_a_run_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fledge

    monkeypatch.delenv("FLEDGE_RUN_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    fledge.log(step=1, loss=0.5)
    assert not list(tmp_path.iterdir())
    with pytest.raises(TypeError, match=r"fledge\.log\(loss=\.\.\.\): 'low' is not a number"):
        fledge.log(loss="low")
    with pytest.raises(TypeError, match="None is not a number"):
        fledge.log(loss=None)


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({".fledgeignore": "*.a", ".amlignore": "*.b", ".gitignore": "*.c"}, "x.a"),
        ({".amlignore": "*.b", ".gitignore": "*.c"}, "x.b"),
        ({".gitignore": "*.c"}, "x.c"),
    ],
)
def test_the_first_ignore_file_counts_alone(fledge: "Fledge", files: dict[str, str], left: str) -> None:
    for name, content in files.items():
        (fledge.folder / name).write_text(content)
    for name in ("x.a", "x.b", "x.c"):
        (fledge.folder / name).touch()
    done = script(fledge, "pass")
    assert travelled(fledge, done) == {"s.py", "x.a", "x.b", "x.c", *files} - {left}


def test_secrets_and_history_never_travel(fledge: "Fledge") -> None:
    kept = ("data.txt", "env.py", "pkg/logs/a.py", "keys.py")
    left = (
        ".git/config",
        ".env",
        "deep/.env",
        "deploy.key",
        "id_rsa",
        "old/.git/HEAD",
        "outputs/old.pt",
        "__pycache__/s.pyc",
    )
    for path in (*kept, *left):
        (fledge.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (fledge.folder / path).write_text("12345")
    (fledge.folder / "logs").write_text("a file, where a run has a folder")
    done = script(fledge, "")
    assert travelled(fledge, done) == {"s.py", *kept}
    assert "(5 source files, 0.00 MB)" in done.err
    plan = json.loads((folder(fledge, done) / "plan.json").read_text())
    assert plan["job"]["snapshot"]["size"] == 20
    assert plan["job"]["snapshot"]["left_out"]["secrets"] == 4


def test_no_file_of_a_run_holds_the_environments_secrets(fledge: "Fledge") -> None:
    secret = "hunter2-correct-horse"
    fledge.environment["MY_API_TOKEN"] = secret
    done = script(fledge, "import os; assert os.environ['MY_API_TOKEN']")
    written = [path for path in fledge.home.rglob("*") if path.is_file()]
    assert len(written) > 5
    assert not [path for path in written if secret.encode() in path.read_bytes()]
    assert done.last["state"] == "COMPLETED"


def test_edits_after_submitting_do_not_reach_the_run(fledge: "Fledge") -> None:
    (fledge.folder / "part.py").write_text("print('the old part')")
    waits = "import pathlib, time\nwhile not pathlib.Path('outputs/go').exists(): time.sleep(0.05)\nimport part\n"
    (fledge.folder / "s.py").write_text(waits)
    run = fledge("run", "--script", "s.py", "--detach").out.strip()
    (fledge.folder / "part.py").write_text("print('the new part')")
    (fledge.home / "runs" / run / "outputs" / "go").touch()
    assert "the old part" in fledge("runs", "logs", run, "-f").out
    assert (fledge.folder / "s.py").read_text() == waits


def test_much_output_arrives_whole(fledge: "Fledge") -> None:
    done = script(fledge, "for n in range(200_000): print('line', n, 'ünï')")
    lines = [line for line in done.err.splitlines() if line.startswith("line ")]
    assert lines == [f"line {n} ünï" for n in range(200_000)]


def test_a_name_that_is_no_text(fledge: "Fledge") -> None:
    odd = fledge.folder / "odd\udcff.txt"
    odd.touch()
    fledge.environment["PYTHONIOENCODING"] = "utf-8:strict"
    (fledge.folder / "s.py").touch()
    assert r"odd\udcff.txt" in fledge("run", "--script", "s.py", "--dry-run").out
    assert odd.name in travelled(fledge, script(fledge, ""))


def test_a_script_that_is_not_there(fledge: "Fledge") -> None:
    assert "there is no script" in fledge("run", "--script", "nowhere.py", status=2).err
    said = fledge("run", "--script", ".", status=2).err
    assert f"the script {fledge.folder} is a folder\n  name the file in it" in said


def test_a_script_elsewhere_brings_its_own_folder(fledge: "Fledge") -> None:
    there = fledge.folder / "there"
    there.mkdir()
    (there / "s.py").write_text("import part")
    (there / "part.py").touch()
    (fledge.folder / "other.py").touch()
    here = fledge.folder / "here"
    here.mkdir()
    (here / "spec.toml").write_text('[script]\npath = "../there/s.py"\n')
    done = fledge("run", "here/spec.toml", "--json")
    assert travelled(fledge, done) == {"s.py", "part.py"}
