"""A person's own photographs: what is a folder here travels to the cluster with the run, and trains the same there."""

import shutil
from pathlib import Path

import pytest
from installed import PYTHON
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


def test_one_that_goes_on_has_what_it_took_along(person: Client) -> None:
    run = person("run", "own.toml", "--set", "training.epochs=60", "--detach").out.split()[-1]
    while "[running]" not in person("runs", "logs", run).out:
        (told,) = person("runs", "show", run, "--json").lines
        assert told["ended"] is None, told
    assert person("runs", "cancel", run, "--json").lines[-1]["state"] == "CANCELED"
    shutil.rmtree(person.folder / "photos")
    assert person("runs", "resume", run, "--json").lines[-1]["state"] == "COMPLETED"


def test_what_is_not_there_is_missed_before_anything_is_sent(person: Client) -> None:
    said = person("run", "own.toml", "--set", "dataset.root=nothere", "--dry-run", status=None)
    assert said.status in (1, 2)
    assert "dataset.root: there is no" in said.err
    assert "nothere" in said.err
