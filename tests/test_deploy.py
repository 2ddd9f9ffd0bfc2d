"""`fledge deploy`, up to where a backend takes over; and the program that answers wherever it is deployed."""

import base64
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fledge.serving.scoring import Scoring

from tests.test_serve import picture

if TYPE_CHECKING:
    from tests.conftest import Fledge

RAW = "application/octet-stream"
AZURE = ("--backend", "azureml", "--set", "backend.workspace=aviary", "--set", "backend.resource_group=birds")
WHERE = (*AZURE, "--set", "backend.subscription_id=01234567-89ab-cdef-0123-456789abcdef", "--dry-run", "--json")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """With two versions of a model, of which the second has an exported file."""
    fledge = fledge_in(tmp_path_factory.mktemp("deploy") / "work")
    words = ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=1")
    fledge(*words)
    fledge("models", "register", "latest", "--name", "birds")
    fledge(*words, "--with", "onnx")
    fledge("models", "register", "latest", "--name", "birds")
    return fledge


def test_the_newest_is_deployed_by_its_exported_file(house: "Fledge") -> None:
    told = house("deploy", "birds", *WHERE).last
    assert (told["model"], told["endpoint"], told["file"]) == ("birds/2", "birds", "model.onnx")
    assert house("deploy", "birds/2", *WHERE, "--name", "hens").last["endpoint"] == "hens"


def test_what_cannot_be_deployed_is_said(house: "Fledge") -> None:
    assert "birds/1 has no exported file" in house("deploy", "birds/1", *WHERE, status=1).err
    assert "fledge serve birds" in house("deploy", "birds", "--backend", "local", status=2).err
    assert "cannot name an endpoint" in house("deploy", "birds", *WHERE, "--name", "b_1", status=2).err
    assert "--set backend.KEY" in house("deploy", "birds", *WHERE, "--set", "training.lr=1", status=2).err
    assert "no model named 'hens'" in house("deploy", "hens", *WHERE, status=2).err


def test_a_file_that_answers_otherwise_is_not_deployed(house: "Fledge") -> None:
    folder = house.home / "models" / "birds" / "2"
    record, card = folder / "version.json", folder / "model.json"
    before = {path: path.read_text() for path in (record, card)}
    told, files = json.loads(before[card]), json.loads(before[record])
    told["exports"]["model.onnx"]["top1_agreement"] = 0.5
    changed = json.dumps(told)
    files["files"]["model.json"] = hashlib.sha256(changed.encode()).hexdigest()
    try:
        for path, content in ((card, changed), (record, json.dumps(files))):
            path.chmod(0o644)
            path.write_text(content)
        assert "does not answer as the model does" in house("deploy", "birds", *WHERE, status=1).err
    finally:
        for path, content in before.items():
            path.write_text(content)


def test_it_answers_as_a_server_would_and_to_many_at_once(red_or_blue: Path) -> None:
    scoring = Scoring(red_or_blue)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: scoring(RAW, picture()), range(16)))
    assert {status for status, _ in found} == {200}
    (one,) = json.loads(found[0][1])["predictions"]
    assert (one["label"], one["error"]) == ("red", None)


def test_pictures_come_as_json_too(red_or_blue: Path) -> None:
    scoring = Scoring(red_or_blue)
    both = [base64.b64encode(picture(colour)).decode() for colour in ((200, 60, 60), (60, 60, 200))]
    status, told = scoring("application/json; charset=utf-8", json.dumps({"pictures": both}).encode())
    assert status == 200
    assert [one["label"] for one in json.loads(told)["predictions"]] == ["red", "blue"]
    for wrong in (b"", b"[]", b'{"pictures": "x"}', b'{"pictures": ["?"]}', b'{"pictures": [1]}'):
        status, told = scoring("application/json", wrong)
        assert (status, "base64" in json.loads(told)["detail"]) == (422, True)
    assert scoring("application/json", b'{"pictures": []}')[0] == 422
    assert scoring("text/plain", b"hello")[0] == 415
