"""A person's own photographs: what is a folder here travels to the cluster with the run, and trains the same there."""

import os
import pty
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from installed import PYTHON
from loopback.program import Loopback
from submitting import Client, Submits

from tests.foreign import pictures

pytestmark = [pytest.mark.azure, pytest.mark.timeout(900)]

SPEC = """
experiment = "own-photos"
[dataset]
name = "imagefolder"
root = "photos"
[model]
name = "resnet18"
weights = "none"
image_size = 32
[training]
epochs = 1
device = "cpu"
[backend]
name = "azureml"
size = "Standard_DS3_v2"
"""


def with_photos(client: Client) -> Client:
    for name, content in pictures().items():
        path = client.folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    client.write("own.toml", SPEC)
    return client


@pytest.fixture
def person(submit_v2: Client) -> Client:
    return with_photos(submit_v2)


@pytest.mark.parametrize("sdk", ["v2", "v1"])
def test_a_folder_of_photographs_travels_and_trains_the_same(sdk: str, submits: Submits, tmp_path: Path) -> None:
    person = with_photos(submits(sdk, tmp_path / "work"))
    shown = person("run", "own.toml", "--dry-run", "--json").lines[-1]
    assert shown["request"]["data"] == {
        f".fledge-data/dataset.root/photos/{name}": len(content) for name, content in pictures().items()
    }
    # However large they are: what the service limits is what is uploaded as code.
    assert not any("photos" in name for name in shown["request"]["files"])
    last = person("run", "own.toml", "--json").lines[-1]
    assert last["state"] == "COMPLETED"
    here = Client(PYTHON, person.folder, person.environment | {"OMP_NUM_THREADS": "1"})
    trained = here("run", "own.toml", "--backend", "local", "--json").lines[-1]
    assert (trained["state"], trained["weights_sha256"]) == ("COMPLETED", last["weights_sha256"])
    # Of the run, as it is told of here, it is still the folder that the person named.
    (told,) = person("runs", "show", last["run"], "--json").lines
    assert Path(told["spec"]["dataset"]["root"]) == person.folder / "photos"


@pytest.mark.parametrize("sdk", ["v2", "v1"])
def test_the_trials_of_a_sweep_read_what_travelled(sdk: str, submits: Submits, tmp_path: Path) -> None:
    person = with_photos(submits(sdk, tmp_path / "work"))
    words = ("--native", "--maximize", "best_val_accuracy", "--param", "training.lr=0.01,0.1", "--sampler", "grid")
    *rows, _ = person("sweep", "own.toml", *words, "--parallel", "2", "--json").lines
    assert [one["state"] for one in rows] == ["COMPLETED"] * 2


def test_what_is_there_already_is_not_brought_again(submits: Submits, azure: Loopback, tmp_path: Path) -> None:
    def brought(sdk: str, place: str, ending: bytes) -> set[tuple[str, str]]:
        """What is new in the store, or written anew, once a run of photographs that end so was sent."""
        person = with_photos(submits(sdk, tmp_path / place))
        for path in (person.folder / "photos").rglob("*.jpg"):
            path.write_bytes(path.read_bytes() + ending)
        before = azure.stored("fledge/data/")
        person("runs", "cancel", person("run", "own.toml", "--detach").out.split()[-1])
        return set(azure.stored("fledge/data/").items()) - set(before.items())

    assert len(brought("v2", "one", b"1")) == len(pictures())
    assert brought("v1", "another's", b"1") == set()
    # Another content is another folder.
    assert len(brought("v2", "a third", b"2")) == len(pictures())


def test_ctrl_c_does_not_wait_for_files_that_are_on_their_way(person: Client, peace: Loopback) -> None:
    for path in (person.folder / "photos").rglob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"on its way")
    before = len(peace.stored("fledge/data/"))
    # One connection for what is asked first, and for some of the files.
    peace.trouble("CONNECT .*blob", skip=1, silent=True, times=1_000_000)
    screen, its = pty.openpty()
    sending = subprocess.Popen(
        [str(person.python), "-m", "fledge", "run", "own.toml"],
        cwd=person.folder,
        env=person.environment,
        stdin=subprocess.DEVNULL,
        stderr=its,
    )
    shown = b""
    while b"bringing" not in shown:
        shown += os.read(screen, 1 << 16)
    sending.send_signal(signal.SIGINT)
    assert sending.wait() == 130
    shown += os.read(screen, 1 << 16)
    os.close(its)
    os.close(screen)
    size = sum(path.stat().st_size for path in (person.folder / "photos").rglob("*.jpg"))
    assert re.search(rf"bringing {len(pictures())} files: [0-9]+ of {size} bytes", shown.decode())
    assert b"Traceback" not in shown
    assert person("runs", "list", "--json").lines == []
    peace.peace()
    # It goes on from what is there.
    person("runs", "cancel", person("run", "own.toml", "--detach").out.split()[-1])
    assert len(peace.stored("fledge/data/")) == before + len(pictures())


def test_one_that_goes_on_has_what_it_took_along(person: Client, azure: Loopback) -> None:
    run = person("run", "own.toml", "--set", "training.epochs=60", "--detach").out.split()[-1]
    while "[running]" not in person("runs", "logs", run).out:
        (told,) = person("runs", "show", run, "--json").lines
        assert told["ended"] is None, told
    assert person("runs", "cancel", run, "--json").lines[-1]["state"] == "CANCELED"
    # Neither here nor in the store: the run has second names of its files.
    shutil.rmtree(person.folder / "photos")
    assert azure.damage(next(iter(pictures().values())), lose=True)
    assert person("runs", "resume", run, "--json").lines[-1]["state"] == "COMPLETED"


def test_what_is_not_there_is_missed_before_anything_is_sent(person: Client) -> None:
    said = person("run", "own.toml", "--set", "dataset.root=nothere", "--dry-run", status=None)
    assert said.status in (1, 2)
    assert "dataset.root: there is no" in said.err
    assert "nothere" in said.err
