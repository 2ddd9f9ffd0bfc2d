"""A stranger's distribution, by fledge's front door alone: a backend behind a socket, a data set in a zip."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fledge.runs.journal import events
from safetensors.numpy import load_file

from tests.foreign import SOURCE, Server, jpeg, pack, pictures, serving

if TYPE_CHECKING:
    from tests.conftest import Fledge, Result

LONG = ("training.epochs=6", "training.batch_size=4", "training.checkpoint_every=2")
_SLEEPS = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture(scope="session")
def foreign_plugin(install: Callable[[Path], Path]) -> Path:
    """The folder in which tests/foreign_plugin is installed."""
    return install(SOURCE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of two classes."""
    return pack(tmp_path_factory.mktemp("zip") / "photos.zip", pictures())


def train(photos: Path, *settings: str) -> list[str]:
    settings = (f"dataset.archive={photos}", "training.epochs=2", "training.device=cpu", *settings)
    told = [word for setting in settings for word in ("--set", setting)]
    return ["run", "--dataset", "zip-photos", "--model", "tiny", *told]


def on(server: Server) -> tuple[str, ...]:
    return ("--backend", "socket", "--set", f"backend.socket={server.socket}")


def with_plugin(fledge: "Fledge", foreign_plugin: Path) -> "Fledge":
    fledge.environment["PYTHONPATH"] += f":{foreign_plugin}"
    return fledge


@pytest.fixture
def acme(fledge: "Fledge", foreign_plugin: Path) -> "Fledge":
    return with_plugin(fledge, foreign_plugin)


@pytest.fixture
def server(acme: "Fledge", tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "server", acme.environment) as server:
        yield server


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]", foreign_plugin: Path
) -> "Fledge":
    return with_plugin(fledge_in(tmp_path_factory.mktemp("foreign") / "work"), foreign_plugin)


@pytest.fixture(scope="module")
def far(house: "Fledge", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("far") / "server", house.environment) as server:
        yield server


@pytest.fixture(scope="module")
def there(house: "Fledge", far: Server, photos: Path) -> "Result":
    """A training on the stranger's backend."""
    return house(*train(photos), *on(far), "--json")


@pytest.fixture(scope="module")
def here(house: "Fledge", photos: Path) -> "Result":
    """The same on this machine."""
    return house(*train(photos), "--json")


def begin(fledge: "Fledge", server: Server, code: str) -> str:
    """The id of a run of a script's, which goes on."""
    (fledge.folder / "s.py").write_text(code)
    return fledge("run", "--script", "s.py", *on(server), "--detach").out.strip()


def until(fledge: "Fledge", run: str, state: str) -> None:
    while (told := fledge("runs", "show", run, "--json").last)["state"] != state:
        assert told["state"] not in ("FAILED", "LOST"), told
        time.sleep(0.1)


def test_it_uses_the_front_door_alone() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name in ("fledge", "fledge.testing") or name.split(".")[0] != "fledge", f"{path}: {name}"


def test_a_training_ends_with_the_same_weights_here_and_there(here: "Result", there: "Result") -> None:
    assert there.last["state"] == here.last["state"] == "COMPLETED"
    assert there.last["weights_sha256"] == here.last["weights_sha256"] is not None
    assert there.last["metrics"]["best_val_accuracy"] == here.last["metrics"]["best_val_accuracy"]
    assert "[completed]" in there.err
    assert there.last["outputs"] == here.last["outputs"] != []


def test_a_run_there_is_exported_here_before_it_answers(house: "Fledge", there: "Result") -> None:
    run = there.last["run"]
    (house.folder / "red.jpg").write_bytes(jpeg(np.full((48, 64, 3), (200.0, 60.0, 60.0))))
    told = house("predict", run, "red.jpg", status=1).err
    assert f"run {run}, COMPLETED on the backend 'socket', has no exported file on this machine" in told
    assert f"fledge runs download {run} 'outputs/model*'" in told
    assert f"fledge export {run}" in told
    house("export", run)
    assert house("predict", run, "red.jpg").out.startswith("red.jpg\t")


def test_a_run_is_looked_at_as_any_other(house: "Fledge", there: "Result", here: "Result", tmp_path: Path) -> None:
    run = there.last["run"]
    told = house("runs", "show", run, "--json").last
    assert (told["state"], told["backend"], told["error"]) == ("COMPLETED", "socket", None)
    assert told["spec"]["dataset"]["name"] == "zip-photos"
    log = house("runs", "logs", run).out
    assert log.startswith("[preparing]\n")
    assert log.endswith("[completed]\n")
    assert run in [line["run"] for line in house("runs", "list", "--json").lines]
    house("runs", "download", run, "-o", tmp_path)
    fetched = load_file(tmp_path / "outputs" / "last.safetensors")
    local = load_file(house.home / "runs" / here.last["run"] / "outputs" / "last.safetensors")
    assert fetched.keys() == local.keys()
    assert all(np.array_equal(fetched[name], local[name]) for name in local)
    assert house("runs", "cancel", run, "--json").last["state"] == "COMPLETED"


def test_its_model_is_registered(house: "Fledge", there: "Result") -> None:
    house("models", "register", there.last["run"], "--name", "acme")
    (told,) = house("models", "list", "--json").lines
    assert (told["name"], told["version"], told["run"]) == ("acme", 1, there.last["run"])


def begin_long(fledge: "Fledge", server: Server, photos: Path) -> str:
    """The id of a training that has written a checkpoint, and goes on."""
    run = fledge(*train(photos, *LONG, "model.slow=0.5"), *on(server), "--detach").out.strip()
    while not any(event["event"] == "checkpoint" for event in events(fledge.home / "runs" / run)):
        # What has a journal on this machine too.
        assert fledge("runs", "show", run, "--json").last["state"] not in ("COMPLETED", "FAILED", "LOST")
    return run


def resume(fledge: "Fledge", run: str, photos: Path) -> None:
    """It ends as if it had never stopped."""
    done = fledge("runs", "resume", run, "--json", status=None)
    assert "resumed from a checkpoint" in done.err
    assert done.last["weights_sha256"] == fledge(*train(photos, *LONG), "--json").last["weights_sha256"]
    told = fledge("runs", "show", run, "--json").last
    assert (done.last["state"], told["state"], told["submissions"]) == ("COMPLETED", "COMPLETED", 2)
    assert done.status == 0


def test_a_lost_training_goes_on_to_the_same_weights(acme: "Fledge", server: Server, photos: Path) -> None:
    run = begin_long(acme, server, photos)
    keeper = json.loads((server.folder / "records" / run / "current.json").read_text())["pid"]
    os.kill(keeper, signal.SIGKILL)
    while acme("runs", "show", run, "--json").last["state"] != "LOST":
        time.sleep(0.1)
    resume(acme, run, photos)


def test_a_canceled_training_goes_on_to_the_same_weights(acme: "Fledge", server: Server, photos: Path) -> None:
    run = begin_long(acme, server, photos)
    for _ in range(2):
        assert acme("runs", "cancel", run, "--json").last == {"run": run, "state": "CANCELED"}
    resume(acme, run, photos)


def test_a_run_outlives_its_server_and_is_found_by_the_next(acme: "Fledge", server: Server, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = "import pathlib, time\nprint('begun', flush=True)\n"
    code += f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)\nprint('ended')\n"
    run = begin(acme, server, code)
    while "begun" not in acme("runs", "logs", run).out:
        time.sleep(0.1)
    follower = acme.start("runs", "logs", run, "--follow")
    assert follower.stdout is not None
    while follower.stdout.readline() != "begun\n":
        assert follower.poll() is None
    server.kill()
    _, err = follower.communicate()
    assert follower.returncode == 1
    assert f"no server answers at {server.socket}" in err
    assert "Traceback" not in err
    for words in (("show", run), ("logs", run), ("cancel", run)):
        told = acme("runs", *words, status=1).err
        assert f"no server answers at {server.socket}" in told
        assert f"python -m acme_fledge.server {server.socket} FOLDER" in told
    assert f"no server answers at {server.socket}" in acme("runs", "list").err
    server.start()
    assert acme("runs", "show", run, "--json").last["state"] == "RUNNING"
    go.touch()
    until(acme, run, "COMPLETED")
    server.kill()
    # What has ended is known without it.
    assert acme("runs", "show", run, "--json").last["state"] == "COMPLETED"
    server.start()
    assert acme("runs", "logs", run).out == "[preparing]\n[running]\nbegun\nended\n[finalizing]\n[completed]\n"


def test_the_next_server_can_cancel_it(acme: "Fledge", server: Server) -> None:
    run = begin(acme, server, _SLEEPS)
    while "up" not in acme("runs", "logs", run).out:
        time.sleep(0.1)
    server.kill()
    server.start()
    assert acme("runs", "cancel", run, "--json").last == {"run": run, "state": "CANCELED"}


def test_a_server_that_was_given_another_folder_loses_no_run(acme: "Fledge", server: Server, tmp_path: Path) -> None:
    run = begin(acme, server, _SLEEPS)
    until(acme, run, "RUNNING")
    server.kill()
    with_another = Server(server.socket, tmp_path / "another", server.environment)
    with_another.start()
    told = acme("runs", "show", run, status=1).err
    with_another.end()
    assert f"the server has no run {run}" in told
    assert f"it was given {tmp_path / 'another'}" in told
    server.start()
    assert acme("runs", "show", run, "--json").last["state"] == "RUNNING"


def test_a_dead_server_is_told_with_its_remedy(acme: "Fledge", server: Server) -> None:
    server.kill()
    (acme.folder / "s.py").touch()
    told = acme("run", "--script", "s.py", *on(server), status=1).err
    assert f"no server answers at {server.socket}" in told
    assert f"python -m acme_fledge.server {server.socket} FOLDER" in told
    assert acme("runs", "list", "--json").out == ""


def test_two_servers_do_not_share_a_folder_nor_a_socket(acme: "Fledge", server: Server, tmp_path: Path) -> None:
    def second(*words: Path) -> str:
        command = [sys.executable, "-m", "acme_fledge.server", *map(str, words)]
        done = subprocess.run(command, env=acme.environment, capture_output=True, text=True)
        assert done.returncode == 1
        return done.stderr

    assert "another server keeps its runs in" in second(tmp_path / "s", server.folder)
    assert "another server answers at" in second(server.socket, tmp_path / "other")
    assert "a Unix socket's path has" in second(Path("/tmp", "x" * 120), tmp_path / "other")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "backend.socket"),
        (("--set", f"backend.socket=/tmp/{'x' * 120}"), "a Unix socket's path has"),
    ],
)
def test_a_socket_that_cannot_be_is_a_usage_error(acme: "Fledge", words: tuple[str, ...], told: str) -> None:
    (acme.folder / "s.py").touch()
    assert told in acme("run", "--script", "s.py", "--backend", "socket", *words, "--dry-run", status=2).err


def test_a_photograph_that_cannot_be_decoded_is_named(acme: "Fledge", server: Server, tmp_path: Path) -> None:
    archive = pack(tmp_path / "bad.zip", {**pictures(), "train/red/03.jpg": b"no photograph"})
    done = acme(*train(archive), *on(server), "--json", status=1)
    assert done.last["state"] == "FAILED"
    error = acme("runs", "show", done.last["run"], "--json").last["error"]
    assert f"{archive}: train/red/03.jpg cannot be decoded" in error
    assert error.splitlines()[0] in done.err
