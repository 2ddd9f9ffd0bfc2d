"""The plan: shown without doing anything, and then exactly what is done."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fledge import DataError
from fledge.plan.snapshot import snapshot
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

TRAIN = ("--dataset", "dots", "--model", "tiny")
NOWHERE = Path("/nowhere")


def test_dry_run_does_nothing(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("print(1)")
    shown = fledge("run", "--script", "s.py", "--dry-run").out
    assert "snapshot: 1 files, 8 bytes" in shown
    assert "command: python -P -m fledge.worker" in shown
    fledge("run", *TRAIN, "--dry-run")
    assert [path.name for path in fledge.folder.iterdir()] == ["s.py"]


def test_what_is_shown_is_what_is_sent(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("print(1)")
    words = ("run", "--script", "s.py", "--experiment", "again", "--json")
    plan = fledge(*words, "--dry-run").last
    run = fledge(*words).last["run"]
    folder = fledge.home / "runs" / run
    assert json.loads((folder / "plan.json").read_text()) == plan
    assert json.loads((folder / "launch.json").read_text())["argv"] == plan["request"]["argv"]


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("run", "--help"),
        ("runs", "list"),
        ("models", "list"),
        ("run", *TRAIN, "--dry-run"),
        ("spec", "schema"),
    ],
    ids=" ".join,
)
def test_a_command_that_trains_nothing_imports_no_torch(fledge: "Fledge", words: tuple[str, ...]) -> None:
    code = (
        "import atexit, sys, fledge.cli\n"
        "heavy = lambda: print([n for n in ('torch', 'torchvision') if n in sys.modules], file=sys.stderr)\n"
        "atexit.register(heavy); fledge.cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=fledge.folder, env=fledge.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


CROWD = """
    from fledge import Launcher, Offer, hookimpl
    @hookimpl
    def fledge_launchers(): return [Offer("crowd", "crowd:Crowd")]
    class Crowd(Launcher):
        def command(self, argv, resources): return ("crowd", str(resources.processes), *argv)
        def group(self): raise NotImplementedError
"""


def test_ranks_are_started_as_their_launcher_says(fledge: "Fledge", give: "Give") -> None:
    give("crowd", CROWD)
    (fledge.folder / "s.py").touch()
    for words in (TRAIN, ["--script", "s.py"]):
        told = fledge("run", *words, "--launcher", "crowd", "--processes", "2", "--dry-run").out
        assert "command: crowd 2 python -P -m fledge.worker" in told
        assert "2 process(es) on 1 node(s), crowd" in told
        # For a backend that starts them itself.
        job = fledge("run", *words, "--launcher", "crowd", "--processes", "2", "--dry-run", "--json").last["job"]
        assert job["argv"] == ["crowd", "2", *job["rank"]]
        assert job["rank"][:4] == ["python", "-P", "-m", "fledge.worker"]


def test_too_much_to_send_names_the_largest(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("")
    for name, size in (("small.bin", 1000), ("photos.zip", 700 << 20), ("video.mp4", 500 << 20)):
        (fledge.folder / name).touch()
        os.truncate(fledge.folder / name, size)
    told = fledge("run", "--script", "s.py", "--dry-run", status=1).err
    assert "holds 1.3 GB, and at most 1.1 GB travel with a run" in told
    assert told.index("photos.zip (734 MB)") < told.index("video.mp4 (524 MB)") < told.index(".fledgeignore")
    (fledge.folder / ".fledgeignore").write_text("*.mp4\n")
    assert "left out: 1 by .fledgeignore" in fledge("run", "--script", "s.py", "--dry-run").out


def test_what_stays_behind_is_named(fledge: "Fledge") -> None:
    for number in range(22):
        (fledge.folder / f"{number:02}.bin").touch()
    for path in ("deep/photos/a.jpg", "deep/.env", "s.py"):
        (fledge.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (fledge.folder / path).touch()
    (fledge.folder / ".gitignore").write_text("*.bin\nphotos/\n")
    words = ("run", "--script", "s.py", "--dry-run")
    lines = [line.strip() for line in fledge(*words).out.splitlines()]
    at = lines.index("left out: 23 by .gitignore")
    assert lines[at + 1 : at + 22] == [*(f"{number:02}.bin" for number in range(20)), "and 3 more"]
    assert lines[lines.index("left out: 1 by secrets") + 1] == "deep/.env"
    (fledge.folder / ".gitignore").write_text("photos/\n")
    told = fledge(*words, "--json").last["job"]["snapshot"]
    assert told["left_out"] == {".gitignore": 1, "secrets": 1}
    assert told["left_names"] == {".gitignore": ["deep/photos/"], "secrets": ["deep/.env"]}


def test_an_ignore_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("ok\n!\n")
    with pytest.raises(DataError, match=r"\.gitignore: .*'!'"):
        snapshot(tmp_path, NOWHERE)
    (tmp_path / ".gitignore").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"\.gitignore cannot be read"):
        snapshot(tmp_path, NOWHERE)


def test_links_travel_as_the_files_they_name(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("12345")
    (tmp_path / "link.txt").symlink_to("real.txt")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    taken = snapshot(tmp_path, NOWHERE)
    assert {file.target: file.size for file in taken.files} == {"real.txt": 5, "link.txt": 5}
    assert taken.left_out == {"links to folders": 1, "neither files nor folders": 3, "virtual environments": 1}


def test_the_home_of_runs_stays_behind_whatever_its_name(tmp_path: Path) -> None:
    for path in ("my runs/runs/1/code/a.py", "my runs too/a.py", ".fledge/a.py", "a.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    taken = snapshot(tmp_path, tmp_path / "my runs")
    assert [file.target for file in taken.files] == ["a.py", "my runs too/a.py"]
    assert taken.left_out == {"fledge's own": 2}


SECRET = [".env", ".env.local", "server.key", "server.pem", "id_rsa", "id_ed25519.pub", ".netrc", ".pypirc"]
HIDDEN = [".git", ".ssh", ".aws", ".azure", "__pycache__", ".fledge"]
words = st.sampled_from(["a", "b", "data", "data.bin", "src", "ünï cödé", "x y"])
places = st.lists(words, max_size=3).map("/".join)


@given(
    st.sets(st.tuples(places, st.sampled_from(SECRET)), max_size=4), st.sets(st.tuples(places, st.sampled_from(HIDDEN)))
)
def test_secrets_never_travel_wherever_they_are(secrets: set[tuple[str, str]], hidden: set[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # What an ignore file takes back, it cannot take back from these.
        (folder / ".fledgeignore").write_text("".join(f"!{one}\n!**/{one}/**\n" for one in (*SECRET, *HIDDEN)))
        for place, secret in secrets:
            (folder / "in" / place).mkdir(parents=True, exist_ok=True)
            (folder / "in" / place / secret).touch()
        for place, inside in hidden:
            (folder / "in" / place / inside).mkdir(parents=True, exist_ok=True)
            (folder / "in" / place / inside / "x.py").touch()
        assert [file.target for file in snapshot(folder, NOWHERE).files] == [".fledgeignore"]


@given(
    st.sets(
        st.tuples(places, words).map(lambda parts: "in/" + "/".join(filter(None, (parts[0], "f_" + parts[1])))),
        max_size=6,
    )
)
def test_what_no_rule_names_travels_and_nothing_else(paths: set[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(path)
        assert [file.target for file in snapshot(folder, NOWHERE).files] == sorted(paths)
        (folder / ".fledgeignore").write_text("*\n")
        assert snapshot(folder, NOWHERE).files == ()


@given(st.text(alphabet=st.sampled_from("ab*?[]!/#\\ \n."), max_size=12))
def test_no_ignore_file_ends_in_a_traceback(rules: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").mkdir()
        (folder / "a" / "b").touch()
        (folder / ".fledgeignore").write_text(rules)
        told = ".fledgeignore"
        try:
            snapshot(folder, NOWHERE)
        except DataError as error:
            told = str(error)
        assert ".fledgeignore" in told
