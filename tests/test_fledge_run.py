"""Tests that swap backends: one test file, run on each of them, as a plugin's author would."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TEST = """
    import json
    from pathlib import Path

    import pytest

    SPEC = {
        "experiment": "swap",
        "dataset": {"name": "squares"},
        "model": {"name": "small"},
        "training": {"epochs": 2, "batch_size": 8},
    }


    def test_it_trains(fledge_run, fledge_home):
        done = fledge_run(SPEC)
        assert (done.state, done.error) == ("COMPLETED", None)
        assert done.metrics["epochs"] == 2
        assert (done.outputs / "best.safetensors").exists()
        assert done.outputs.is_relative_to(fledge_home)
        assert "[completed]" in done.log
        Path(KEPT).write_text(done.weights_sha256)


    def test_a_file_is_a_spec_too(fledge_run, tmp_path):
        file = tmp_path / "spec.toml"
        file.write_text("[dataset]\\nname = 'squares'\\n[model]\\nname = 'small'\\n[training]\\nepochs = 1\\n")
        assert fledge_run(file).metrics["epochs"] == 1


    def test_a_run_that_fails_says_why(fledge_run):
        done = fledge_run({**SPEC, "training": {"epochs": 2, "lr": 1e30}})
        assert done.state == "FAILED"
        assert "loss became" in done.error


    def test_one_that_may_succeed_another_time_ends_no_other_test(fledge_run):
        nobody = {"name": "birds", "url": "http://127.0.0.1:1/birds.zip"}
        done = fledge_run({**SPEC, "dataset": nobody})
        assert done.state == "FAILED"
        assert "the photographs of birds cannot be had" in done.error


    def test_a_script(fledge_run, tmp_path):
        script = tmp_path / "source" / "s.py"
        script.parent.mkdir()
        script.write_text("import fledge; fledge.log(score=0.5)")
        done = fledge_run({"script": {"path": str(script)}})
        assert done.metrics == {"score": 0.5}


    def test_a_mistake_is_raised(fledge_run):
        from fledge import SpecError

        with pytest.raises(SpecError, match="epohcs"):
            fledge_run({**SPEC, "training": {"epohcs": 2}})
"""


def pytest_in(folder: Path, *words: str) -> str:
    """What pytest says of TEST, all of which must pass."""
    code = textwrap.dedent(TEST).replace("KEPT", repr(str(folder / "weights")))
    (folder / "test_swap.py").write_text(code)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-W",
            "error",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            *words,
            "test_swap.py",
        ],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_one_test_file_runs_on_any_backend(tmp_path: Path) -> None:
    weights = []
    for name, words in {
        "in-process": (),
        "local": ("--fledge-backend", "local", "--fledge-backend-option", "slots=1"),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        assert "6 passed" in pytest_in(folder, *words)
        weights.append((folder / "weights").read_text())
    assert weights[0] == weights[1]


def test_a_backend_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="there is no backend named 'lokal'; did you mean 'local'"):
        pytest_in(tmp_path, "--fledge-backend", "lokal")


def test_what_a_run_changes_is_changed_back(tmp_path: Path) -> None:
    code = """
        import os, signal, sys
        from pathlib import Path


        def state():
            return Path.cwd(), dict(os.environ), list(sys.path), [signal.getsignal(n) for n in (2, 15)], sys.stdout


        def test_it(fledge_run, capsys):
            before = state()
            done = fledge_run({"dataset": {"name": "squares"}, "model": {"name": "small"}, "training": {"epochs": 1}})
            assert state() == before
            assert "epoch" in done.log
            assert capsys.readouterr().out == ""
    """
    (tmp_path / "test_it.py").write_text(textwrap.dedent(code))
    words = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "test_it.py"]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
