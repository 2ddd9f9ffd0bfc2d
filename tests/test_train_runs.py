"""Training runs, from the command line to the files they leave."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fledge import Preprocessing
from fledge.runs.journal import events
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from tests.conftest import Fledge

Weights = Mapping[str, "np.ndarray[Any, Any]"]


class House:
    """A folder in which runs of dots and tiny are made once and looked at by many tests."""

    def __init__(self, fledge: "Fledge") -> None:
        self.fledge = fledge
        self._made: dict[tuple[str, ...], Path] = {}

    def run(self, *settings: str) -> Path:
        """The folder of a completed run."""
        if settings not in self._made:
            self._made[settings] = self.fledge.home / "runs" / self.fledge(*words(*settings)).last["run"]
        return self._made[settings]

    def outcome(self, *settings: str) -> dict[str, Any]:
        return self.fledge("runs", "show", self.run(*settings).name, "--json").last


def words(*settings: str) -> list[str]:
    common = ("training.epochs=2", "training.batch_size=8", "training.device=cpu")
    told = [word for setting in (*common, *settings) for word in ("--set", setting)]
    return ["run", "--dataset", "dots", "--model", "tiny", "--json", *told]


def weights(run: Path, name: str = "last") -> Weights:
    return load_file(run / "outputs" / f"{name}.safetensors")


def digest(run: Path) -> str:
    sha: str = json.loads((run / "outputs" / "last.json").read_text())["weights_sha256"]
    return sha


# Whoever listens to a run must not change it: those with listeners serve as the plain runs too.
TOLD = ("extensions.stamp={}", "trackers.lines={path='told.txt'}")
RAISES = ("trackers.lines={path='untold.txt', trouble='raises'}",)
HEAD = ("training.mode=head", "training.epochs=12", "training.lr=0.2")
# A learning rate this small moves no weight: what this run leaves is the network as it was built.
UNMOVED = ("training.mode=head", "training.epochs=50", "training.lr=1e-30", "training.early_stopping=3")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> House:
    return House(fledge_in(tmp_path_factory.mktemp("train") / "work"))


def test_a_seed_decides_everything(house: House) -> None:
    assert digest(house.run(*TOLD)) == digest(house.run(*RAISES))
    assert digest(house.run(*TOLD)) != digest(house.run("seed=1"))


def test_loader_processes_change_nothing(house: House) -> None:
    assert digest(house.run(*TOLD)) == digest(house.run("training.workers=2"))


def test_mode_head_leaves_the_backbone_as_it_was_built(house: House) -> None:
    head, built = weights(house.run(*HEAD)), weights(house.run(*UNMOVED))
    backbone = {name for name in head if name.startswith("0.")}
    assert {"0.0.weight", "0.1.running_mean"} <= backbone
    assert all(np.array_equal(head[name], built[name]) for name in backbone)
    assert not head["0.1.running_mean"].any()
    assert not np.array_equal(head["1.1.weight"], built["1.1.weight"])
    assert not np.array_equal(built["0.0.weight"], weights(house.run(*TOLD))["0.0.weight"])


def test_mode_head_learns(house: House) -> None:
    assert house.outcome(*HEAD)["metrics"]["best_val_accuracy"] > 0.9


def test_early_stopping_ends_early(house: House) -> None:
    metrics = house.outcome(*UNMOVED)["metrics"]
    assert metrics["best_epoch"] == 1
    assert metrics["epochs"] == 4


def test_accumulated_steps_equal_one_large_step(house: House) -> None:
    still = ("model.dropout=0", "training.freeze_batchnorm=true", "training.precision=fp32")
    large = weights(house.run(*still))
    small = weights(house.run(*still, "training.batch_size=4", "training.accumulate=2"))
    assert all(np.allclose(large[name], small[name], rtol=1e-4, atol=1e-6) for name in large)


def test_a_loss_that_is_no_number_fails_the_run_with_the_way_on(house: House) -> None:
    done = house.fledge(*words("training.lr=1e30"), status=1)
    assert done.last["state"] == "FAILED"
    assert "the training loss became nan in epoch 1" in done.err
    assert "lower the learning rate (now 1e+30)" in done.err


def test_a_weight_for_a_class_there_is_not(house: House) -> None:
    done = house.fledge(*words("training.class_weights={blu = 2.0}"), status=1)
    assert "training.class_weights names 'blu', no class of this data set; did you mean 'blue'?" in done.err
    assert "its classes: red, blue" in done.err


def test_what_only_a_gpu_can_do_is_refused_elsewhere(house: House) -> None:
    done = house.fledge(*words("training.cuda_graphs=true"), status=1)
    assert "training.cuda_graphs = true: CUDA graphs run on an NVIDIA GPU, and this training on cpu" in done.err


def test_a_split_without_images(house: House) -> None:
    assert "the data set's val split has no images" in house.fledge(*words("dataset.val=0"), status=1).err


def test_a_card_says_what_the_model_is(house: House) -> None:
    run = house.run(*TOLD)
    for name in ("best", "last"):
        card = json.loads((run / "outputs" / f"{name}.json").read_text())
        assert card["classes"] == ["red", "blue"]
        assert card["transforms"] == Preprocessing((16, 16)).describe()
        assert card["spec"]["training"]["batch_size"] == 8
        assert card["run"] == run.name
        assert {"val_accuracy", "val_accuracy/red", "val_accuracy/blue", "val_loss", "train_loss"} <= set(
            card["metrics"]
        )
        data = (run / "outputs" / card["file"]).read_bytes()
        assert card["file_sha256"] == hashlib.sha256(data).hexdigest()
        assert len(card["weights_sha256"]) == 64
    assert json.loads((run / "outputs" / "last.json").read_text())["epoch"] == 2


def test_the_journal_tells_the_run(house: House) -> None:
    told = list(events(house.run(*TOLD)))
    states = [event["state"] for event in told if event["event"] == "state"]
    assert states == ["PREPARING", "RUNNING", "FINALIZING", "COMPLETED"]
    epochs = [event for event in told if event["event"] == "metrics"]
    assert [event["epoch"] for event in epochs] == [1, 2]
    assert {"artifact", "params", "progress", "trained"} <= {event["event"] for event in told}


def test_an_extension_is_told_and_its_files_are_kept(house: House) -> None:
    stamp = (house.run(*TOLD) / "outputs" / "stamp.txt").read_text().splitlines()
    assert stamp == [
        "started default",
        "epoch 1 best_val_accuracy",
        "epoch 2 best_val_accuracy",
        "trained best.safetensors red,blue",
    ]
    assert any(e["event"] == "artifact" and e["path"] == "outputs/stamp.txt" for e in events(house.run(*TOLD)))


def test_a_tracker_is_told_everything_in_order(house: House) -> None:
    run = house.run(*TOLD)
    told = (house.fledge.folder / "told.txt").read_text().splitlines()
    assert told[0] == f"start {run.name}"
    assert told[-1] == "finish COMPLETED"
    seen = [line.removeprefix("event ") for line in told if line.startswith("event ")]
    assert seen == [event["event"] for event in events(run)][: len(seen)]
    assert seen.count("metrics") == 2
    assert "trained" in seen
    assert "artifact best.safetensors True" in told


def test_a_tracker_that_raises_fails_nothing(house: House) -> None:
    run = house.run(*RAISES)
    warnings = [event["message"] for event in events(run) if event["event"] == "warning"]
    trouble, rest = "ConnectionError: nobody is listening", f"fledge runs sync {run.name} --tracker lines"
    # A run may be over before its tracker has first been heard of.
    assert warnings in (
        [f"tracker 'lines' cannot be told: {trouble}; the rest is sent by: {rest}"],
        [
            f"tracker 'lines' cannot be told, and is tried again: {trouble}",
            f"tracker 'lines' has not all of it; the rest is sent by: {rest}",
        ],
    )


def test_a_tracker_that_hangs_fails_nothing(house: House) -> None:
    """Half a minute, for which the run waits at its end."""
    run = house.run("trackers.lines={path='t3.txt', trouble='hangs'}")
    warnings = [event["message"] for event in events(run) if event["event"] == "warning"]
    (told,) = warnings
    assert told.startswith("tracker 'lines' does not answer; the rest is sent by: fledge runs sync")
