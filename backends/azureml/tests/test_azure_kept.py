"""What a run on Azure Machine Learning keeps, and how its copies elsewhere are kept up to date."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from azure_upload import FIRST, RUN_DIR, Rank, run, until, upload
from fledge_azureml_node.layout import FILES
from fledge_azureml_node.mirror import Mirror

_COUNTS = RUN_DIR + (
    "tries = run / 'outputs' / 'tries'\n"
    "before = tries.read_text() if tries.exists() else ''\n"
    "tries.write_text(before + 'x')\n"
    "(run / 'journal.jsonl').write_text('a line')\n"
    "(run / 'checkpoints' / before).mkdir(parents=True)\n"
    "(run / 'checkpoints' / before / 'state').write_text(before)\n"
    "print('tries', len(before), sorted(path.name for path in (run / 'checkpoints').iterdir()), flush=True)\n"
    "time.sleep(0 if len(before) == 2 else 600)\n"
)


def test_a_run_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    code = _COUNTS.replace("/ before", "/ f'c{len(before)}'")
    for attempt in range(2):
        rank = Rank.start(upload(tmp_path / f"code-{attempt}", code), kept=kept)
        until((kept / FILES / "checkpoints" / f"c{attempt}" / "state").exists)
        tries = kept / FILES / "outputs" / "tries"
        # The lambda is done with before the next attempt.
        until(lambda: tries.exists() and tries.read_text() == "x" * (attempt + 1))  # noqa: B023 -- called within the round
        rank.vanish()
        assert not (tmp_path / f"code-{attempt}" / "outputs" / "ended-0.json").exists()
    # A file that was on its way, and a person's word to an earlier submission, are none of the run's.
    (kept / ".parts").mkdir(exist_ok=True)
    (kept / ".parts" / "1").write_text("half")
    (kept / "canceled-one-1").touch()
    state = kept / FILES / "checkpoints" / "c0" / "state"
    before = state.stat().st_mtime_ns
    assert run(upload(tmp_path / "last", code), kept=kept) == (0, "tries 2 ['c0', 'c1', 'c2']\n")
    assert (kept / FILES / "journal.jsonl").read_text() == "a line"
    # What was there already was not written again.
    assert state.stat().st_mtime_ns == before
    assert (tmp_path / "last" / "outputs" / "outputs" / "tries").read_text() == "xxx"
    assert not (tmp_path / "last" / "outputs" / "checkpoints").exists()


_SCRIPT = """
import pathlib, shutil, time
tries = pathlib.Path("outputs/tries")
before = tries.read_text() if tries.exists() else ""
tries.write_text(before + "x")
print("tries", len(before), sorted(path.name for path in tries.parent.iterdir()), flush=True)
time.sleep(0 if before else 600)
"""


def test_a_script_that_brings_outputs_of_its_own_goes_on_with_those_that_were_kept(tmp_path: Path) -> None:
    files = {"spec.toml": "[script]\npath = 's.py'\n", "s.py": _SCRIPT, "outputs/older": "brought"}
    argv, kept = ["python", "-m", "fledge.worker", "spec.toml"], tmp_path / "kept"
    first = Rank.start(upload(tmp_path / "first", argv=argv, files=files), kept=kept)
    tries = kept / FILES / "outputs" / "tries"
    until(lambda: tries.exists() and tries.read_text() == "x")
    first.vanish()
    status, said = run(upload(tmp_path / "second", argv=argv, files=files), kept=kept)
    assert (status, "tries 1 ['older', 'tries']" in said) == (0, True), said
    assert tries.read_text() == "xx"


@pytest.mark.parametrize("variable", ["AZURE_ML_OUTPUT_kept", "AZUREML_DATAREFERENCE_kept"])
def test_where_it_is_kept_is_known_from_the_services_variable(tmp_path: Path, variable: str) -> None:
    folder = upload(tmp_path / "code", RUN_DIR + "(run / 'logs' / 'one').touch()")
    assert run(folder, {variable: str(tmp_path / "kept")}) == (0, "")
    assert (tmp_path / "kept" / FILES / "logs" / "one").exists()


def test_only_the_first_node_keeps_its_files(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / FILES / "outputs").mkdir(parents=True)
    (kept / FILES / "outputs" / "of-node-0").touch()
    code = RUN_DIR + "print(os.listdir(run / 'outputs')); (run / 'outputs' / 'scratch').touch()"
    folder = upload(tmp_path / "code", code)
    assert run(folder, FIRST, kept=kept) == (0, "[]\n")
    assert [path.name for path in (kept / FILES / "outputs").iterdir()] == ["of-node-0"]
    assert not (folder / "outputs").exists()


def test_what_cannot_be_kept_is_warned_of_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code = RUN_DIR + "(run / 'outputs' / 'one').touch(); time.sleep(1.5); print('ends')"
    status, said = run(upload(tmp_path / "code", code), kept=tmp_path / "file" / "kept")
    assert (status, said.count("warning:")) == (0, 1)
    assert f"warning: {tmp_path / 'file' / 'kept' / FILES} is not up to date, which is tried again: " in said
    assert "ends\n" in said


def test_what_is_kept_and_cannot_be_read_is_not_begun_anew(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    # A link that leads to itself, as a mount that answers with an error.
    (kept / FILES).symlink_to(kept / FILES)
    folder = upload(tmp_path / "code", "print('begins')")
    status, said = run(folder, kept=kept)
    assert status == 75
    assert f"error: what the run has kept in {kept / FILES} cannot be read: " in said
    assert "begins" not in said


# -- a mirror


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


def mirror(source: Path, **told: frozenset[str]) -> Mirror:
    return Mirror(source, source.parent / "target", source.parent / "parts", **told)


def there(source: Path) -> dict[str, str]:
    target = source.parent / "target"
    return {str(path.relative_to(target)): path.read_text() for path in target.rglob("*") if path.is_file()}


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_a_mirror_has_what_is_finished_links_followed(source: Path) -> None:
    write(source.parent / "work" / "outputs" / "model", "m")
    (source / "outputs").symlink_to(source.parent / "work" / "outputs")
    (source / "outputs" / "again").symlink_to(source)
    (source / "outputs" / "nowhere").symlink_to(source / "nothing")
    os.mkfifo(source / "outputs" / "pipe")
    unfinished = ("checkpoints/.part-7/state", "outputs/.model.7.tmp", "outputs/.model.part")
    for name in ("journal.jsonl", "logs/.own", ".ballast", "canceled", *unfinished):
        write(source / name, name)
    assert mirror(source, left_out=frozenset({"canceled"})).sweep()
    assert there(source) == {"journal.jsonl": "journal.jsonl", "logs/.own": "logs/.own", "outputs/model": "m"}


def test_what_is_gone_is_removed_when_it_is_missed_twice_or_for_the_last_time(source: Path) -> None:
    one = mirror(source)
    for name in ("checkpoints/1/state", "checkpoints/2/state", "outputs/o"):
        write(source / name, "")
    one.sweep()
    (source / "checkpoints" / "1" / "state").unlink()
    one.sweep()
    assert "checkpoints/1/state" in there(source)
    one.sweep()
    assert set(there(source)) == {"checkpoints/2/state", "outputs/o"}
    assert not (source.parent / "target" / "checkpoints" / "1").exists()
    (source / "outputs" / "o").unlink()
    one.sweep(last=True)
    assert set(there(source)) == {"checkpoints/2/state"}


def test_nothing_is_removed_before_all_that_is_new_is_there(source: Path) -> None:
    one = mirror(source)
    write(source / "checkpoints" / "1", "whole")
    one.sweep()
    (source / "checkpoints" / "1").unlink()
    write(source / "checkpoints" / "2" / "state", "new")
    # In the way of the new one.
    write(source.parent / "target" / "checkpoints" / "2", "")
    assert not one.sweep()
    assert not one.sweep(last=True)
    assert "checkpoints/1" in there(source)
    (source.parent / "target" / "checkpoints" / "2").unlink()
    assert one.sweep(last=True)
    assert there(source) == {"checkpoints/2/state": "new"}


def test_what_was_restored_is_not_copied_back(source: Path) -> None:
    write(source / "outputs" / "old", "restored")
    one = mirror(source)
    one.assume()
    write(source / "outputs" / "new", "made")
    one.sweep()
    assert there(source) == {"outputs/new": "made"}
    # Though it is known to be there.
    write(source.parent / "target" / "outputs" / "old", "restored")
    (source / "outputs" / "old").unlink()
    one.sweep(last=True)
    assert there(source) == {"outputs/new": "made"}


_SWEEPS = """
import pathlib, sys
from fledge_azureml_node.mirror import Mirror
source, target, parts = map(pathlib.Path, sys.argv[1:])
one = Mirror(source, target, parts)
while True:
    one.sweep()
"""


def test_a_torn_copy_is_never_seen_also_where_its_writer_is_killed(source: Path) -> None:
    size, target = 1 << 21, source.parent / "target" / "file"

    def put(letter: bytes) -> None:
        (source / ".file.part").write_bytes(letter * size)
        (source / ".file.part").replace(source / "file")

    put(b"a")
    for _ in range(3):
        words = [sys.executable, "-c", _SWEEPS, str(source), str(target.parent), str(source.parent / "parts")]
        with subprocess.Popen(words) as sweeping:
            try:
                until(target.exists)
                seen: set[bytes] = set()
                rounds = 0
                while rounds < 20 or len(seen) < 2:
                    put(b"ab"[rounds % 2 :][:1])
                    content = target.read_bytes()
                    assert content in (b"a" * size, b"b" * size)
                    seen.add(content)
                    rounds += 1
            finally:
                sweeping.kill()
        assert target.read_bytes() in (b"a" * size, b"b" * size)
