"""`fledge verify`: a spec trained undisturbed and again under seeded kills."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge

SPEC = """
[dataset]
name = "dots"
train = 60
[model]
name = "tiny"
forgetful = {forgetful}
[training]
epochs = 3
batch_size = 8
device = "cpu"
mode = "{mode}"
"""


def write(fledge: "Fledge", *, forgetful: str = "false", mode: str = "finetune") -> str:
    (fledge.folder / "spec.toml").write_text(SPEC.format(forgetful=forgetful, mode=mode))
    return "spec.toml"


@pytest.mark.parametrize("mode", ["finetune", "head"])
def test_equal_weights_leave_nothing_but_the_word(fledge: "Fledge", mode: str) -> None:
    told = fledge("verify", write(fledge, mode=mode), "--seed", "3", "--json")
    assert told.last["equal"]
    assert len(told.last["faults"]) == 3
    # Every one of them hit.
    assert told.last["tries"] == 4
    assert len(set(told.last["weights_sha256"])) == 1
    assert fledge("runs", "list", "--json").out == ""


def test_the_first_step_and_tensor_that_differ_are_named(fledge: "Fledge") -> None:
    told = fledge(
        "verify",
        write(fledge, forgetful="true"),
        "--set",
        "training.checkpoint_every=4",
        "--seed",
        "3",
        "--json",
        status=1,
    )
    assert not told.last["equal"]
    found = told.last["first_difference"]
    assert found["tensor"].startswith(("0.", "1."))
    assert (found["epoch"], found["step"]) >= (1, 2)
    assert [line["state"] for line in fledge("runs", "list", "--json").lines] == ["COMPLETED", "COMPLETED"]
    assert sorted(line["run"] for line in fledge("runs", "list", "--json").lines) == sorted(told.last["runs"])
    kept = fledge.home / "runs" / told.last["runs"][1] / "trace.jsonl"
    assert json.loads(kept.read_text().split("\n")[1])["tensors"]


def test_a_script_cannot_be_verified(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").touch()
    (fledge.folder / "spec.toml").write_text('[script]\npath = "s.py"\n')
    assert "a script's weights are its own" in fledge("verify", "spec.toml", status=2).err
