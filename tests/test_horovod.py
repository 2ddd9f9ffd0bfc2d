"""Horovod's processes train what one would have trained, and fail as one; without Horovod it is said how to get it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.long_run import strays
from tests.many import MORE, NODES_SAY, SPY, SPY_MODEL, alike, ended, nodes_meet, same_order, seen, started, words

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

pytestmark = pytest.mark.horovod


# Its first step would be another, were a rank without its state to make one of zero gradients.
ADAMW = ("training.optimizer=adamw", "training.lr=0.003")


@pytest.mark.parametrize(("settings", "count"), [(MORE, 2), (("training.mode=head+finetune",), 2), (ADAMW, 2)])
def test_horovods_processes_come_to_the_weights_of_one(fledge: "Fledge", settings: tuple[str, ...], count: int) -> None:
    one, many = (fledge(*words("horovod", processes, *settings), "--json").last for processes in (1, count))
    alike(fledge, one, many)


def test_horovods_processes_see_the_samples_of_one_in_its_order_and_come_to_its_weights(
    fledge: "Fledge", give: "Give", tmp_path: Path
) -> None:
    give("spy", SPY, model=SPY_MODEL)
    one, (alone,) = seen(fledge, tmp_path / "1", "horovod", 1)
    for processes in (2, 3):
        many, ranks = seen(fledge, tmp_path / str(processes), "horovod", processes)
        same_order(alone, ranks)
        alike(fledge, one, many)


def test_a_training_survives_the_loss_of_a_rank(fledge: "Fledge", give: "Give", tmp_path: Path) -> None:
    told = ended(fledge, started(fledge, give, tmp_path, "horovod", "1:3", "model.trouble=dies", "model.rank=2"))
    assert told["state"] == "COMPLETED", told
    assert "2 of 3 processes are left, and go on" in fledge("runs", "logs", told["run"]).out
    alike(fledge, fledge(*words("horovod", 1), "--json").last, told)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("raises", "rank 1: ValueError: a bad mood"),
        ("dies", "rank 1 was killed by SIGKILL"),
        ("hangs", "waited in vain for another process"),
    ],
)
def test_a_rank_that_fails_fails_the_run(
    fledge: "Fledge", give: "Give", tmp_path: Path, trouble: str, says: str
) -> None:
    patience = ("launcher.timeout=20",) if trouble == "hangs" else ()
    run = started(fledge, give, tmp_path, "horovod", 2, f"model.trouble={trouble}", *patience)
    told = ended(fledge, run)
    assert told["state"] == "FAILED"
    assert says in told["error"]
    assert not strays(fledge, run)
    if trouble == "raises":
        # Its traceback, before what the others say of it.
        log = fledge("runs", "logs", run).out
        assert "[1] Traceback" in log.partition("a bad mood")[0]
        assert "[0] Traceback" not in log
        assert "[0] error" not in log.partition("a bad mood")[0]


BF16 = """
    from fledge import Offer, hookimpl

    FLEDGE_API = 1


    @hookimpl
    def fledge_models():
        return [Offer("brief", "brief_model:Brief", "fledge_sample.options:TinyOptions")]
"""
BF16_MODEL = """
    from fledge_sample.tiny import Tiny


    class Brief(Tiny):
        def build(self, classes):
            module = super().build(classes)
            module[1].bfloat16()
            return module
"""


def test_gradients_in_bfloat16_are_refused_with_a_sentence(fledge: "Fledge", give: "Give") -> None:
    give("brief", BF16, model=BF16_MODEL)
    told = words("horovod", 2)
    told[told.index("tiny")] = "brief"
    fledge(*told, status=1)
    error = fledge("runs", "show", "latest", "--json").last["error"]
    assert "Horovod averages no bfloat16 gradients, and the model's parameter '1.1.weight' has such" in error
    assert "--launcher torchrun" in error


def test_without_horovod_it_is_said_how_to_get_it(fledge: "Fledge", tmp_path: Path) -> None:
    # What a Horovod that was built for another torch leaves, found before the one that is here.
    about = tmp_path / "site" / "horovod-0.27.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: horovod\nVersion: 0.27.0\n")
    (tmp_path / "site" / "horovod").mkdir()
    (tmp_path / "site" / "horovod" / "metadata.json").write_text('{"pytorch": "1.4.0"}')
    fledge.environment["PYTHONPATH"] += f":{tmp_path / 'site'}"
    fledge(*words("horovod", 2), status=1)
    error = fledge("runs", "show", "latest", "--json").last["error"]
    assert "Horovod 0.27.0 was built for torch 1.4.0, and torch" in error
    assert "python -m fledge_horovod.build" in error


def test_processes_on_two_nodes_are_one_group() -> None:
    assert nodes_meet("horovod") == NODES_SAY
