"""A person's own photographs: what is a folder here travels to the cluster with the run, and trains the same there."""

import os
import pty
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from installed import PYTHON
from loopback.program import Loopback
from submitting import Client, Submits

from tests.foreign import pictures

pytestmark = [pytest.mark.azure, pytest.mark.timeout(900)]

_LARGE = 70_000_000
_SWEEP = (
    *("sweep", "own.toml", "--name", "mine", "--maximize", "best_val_accuracy"),
    *("--param", "training.lr=0.01,0.1", "--sampler", "grid", "--parallel", "2"),
)
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
    *rows, _ = person(*_SWEEP, "--native", "--json").lines
    assert [one["state"] for one in rows] == ["COMPLETED"] * 2


def test_what_is_there_already_is_not_brought_again(submits: Submits, azure: Loopback, tmp_path: Path) -> None:
    def brought(sdk: str, place: str, ending: bytes) -> set[tuple[str, str]]:
        """What is new in the store, or written anew, once a run of photographs that end so was sent."""
        person = with_photos(submits(sdk, tmp_path / place))
        for path in (person.folder / "photos").rglob("*.jpg"):
            path.write_bytes(path.read_bytes() + ending)
        # More than a store takes at once.
        (person.folder / "photos" / "raw.bin").write_bytes(ending * _LARGE)
        before = azure.stored("fledge/data/")
        person("runs", "cancel", person("run", "own.toml", "--detach").out.split()[-1])
        return set(azure.stored("fledge/data/").items()) - set(before.items())

    first = brought("v2", "one", b"1")
    assert brought("v1", "another's", b"1") == set()
    # Another content is another folder.
    other = brought("v1", "a third", b"2")
    for found in (first, other):
        assert len(found) == len(pictures()) + 1
        (large,) = (tag for name, tag in found if name.endswith("/raw.bin"))
        assert large.split()[-1] == str(_LARGE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "own.toml"), b""),
        ((*_SWEEP, "--native"), b"nothing was sent yet. To send it: fledge sweep --resume mine"),
        (_SWEEP, b"to go on from where it was: fledge sweep --resume mine"),
    ],
    ids=["a run", "a native sweep", "a sweep"],
)
def test_ctrl_c_does_not_wait_for_files_that_are_on_their_way(
    words: tuple[str, ...], told: bytes, person: Client, peace: Loopback
) -> None:
    for path in (person.folder / "photos").rglob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"on its way" + str(words).encode())
    before = len(peace.stored("fledge/data/"))
    # One connection for what is asked first, and for some of the files.
    peace.trouble("CONNECT .*blob", skip=1, silent=True, times=1_000_000)
    screen, its = pty.openpty()
    sending = subprocess.Popen(
        [str(person.python), "-m", "fledge", *words],
        cwd=person.folder,
        env=person.environment,
        stdin=subprocess.DEVNULL,
        stderr=its,
    )
    shown = b""
    while not re.search(rb"bringing [0-9]+ files to the workspace: [1-9]", shown):
        assert sending.poll() is None, shown
        shown += os.read(screen, 1 << 16)
    sending.send_signal(signal.SIGINT)
    assert sending.wait() == 130
    os.close(its)
    # What Linux says once all of it was read, and nobody has the other end.
    with suppress(OSError):
        while more := os.read(screen, 1 << 16):
            shown += more
    os.close(screen)
    size = sum(path.stat().st_size for path in (person.folder / "photos").rglob("*.jpg"))
    assert re.search(rf"bringing {len(pictures())} files to the workspace: [0-9]+ of {size} bytes", shown.decode())
    assert told in shown
    assert b"Traceback" not in shown
    assert person("runs", "list", "--json").lines == []
    peace.peace()
    # It goes on from what is there.
    person("runs", "cancel", person("run", "own.toml", "--detach").out.split()[-1])
    assert len(peace.stored("fledge/data/")) == before + len(pictures())


def test_one_that_goes_on_has_what_it_took_along(person: Client, azure: Loopback) -> None:
    run = person("run", "own.toml", "--set", "training.epochs=250", "--detach").out.split()[-1]
    while "[running]" not in person("runs", "logs", run).out:
        (told,) = person("runs", "show", run, "--json").lines
        assert told["ended"] is None, told
    assert person("runs", "cancel", run, "--json").lines[-1]["state"] == "CANCELED"
    # Neither here nor in the store: the run has second names of its files.
    shutil.rmtree(person.folder / "photos")
    name, content = next(iter(pictures().items()))
    assert azure.damage(content, lose=True)
    before = set(azure.stored("fledge/data/"))
    person("runs", "resume", run, "--detach")
    (brought,) = set(azure.stored("fledge/data/")) - before
    assert brought.endswith(f"dataset.root/photos/{name}")
    person("runs", "cancel", run)
    # What it reads is what it read at first, though by a second name its own file was changed.
    (kept,) = (person.folder / ".fledge" / "runs" / run).rglob(f"dataset.root/photos/{name}")
    with kept.open("r+b") as file:
        file.write(b"another")
    assert person("runs", "resume", run, "--json").lines[-1]["state"] == "COMPLETED"


def test_what_the_store_would_not_keep_by_its_name_is_refused(person: Client) -> None:
    hen = person.folder / "photos" / "train" / "Gallus sp."
    hen.mkdir()
    (hen / "1.jpg").write_bytes(b"a hen")
    said = person("run", "own.toml", "--dry-run", status=2).err
    assert "Gallus sp." in said
    assert "may end with a dot" in said


def test_what_is_not_there_is_missed_before_anything_is_sent(person: Client) -> None:
    said = person("run", "own.toml", "--set", "dataset.root=nothere", "--dry-run", status=None)
    assert said.status in (1, 2)
    assert "dataset.root: there is no" in said.err
    assert "nothere" in said.err
