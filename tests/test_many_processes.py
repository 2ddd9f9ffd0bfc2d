"""Many processes train the model that one would have trained, and fail as one."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from tests.long_run import journal, shown, strays

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# 25 images a class in batches of 8: the last batch has 2, of which a third process gets none.
EXACT = (
    "training.epochs=3", "training.batch_size=8", "training.device=cpu", "training.freeze_batchnorm=true",
    "model.dropout=0", "dataset.train=25", "dataset.val=13", "training.lr=0.05",
)  # fmt: skip
MORE = (
    "training.accumulate=3",
    "training.clip_grad_norm=0.1",
    "training.class_weights.red=3",
    "training.class_weights.blue=1",
)
HEAD = ("training.mode=head", "training.freeze_batchnorm=false")
# A model whose forward pass goes wrong in one rank, at its eleventh batch of training.
TROUBLE = """
    import os
    import signal
    import time
    from pathlib import Path
    from typing import Literal

    from fledge import Offer, hookimpl
    from fledge_sample.options import TinyOptions
    from fledge_sample.tiny import Tiny

    FLEDGE_API = 1


    @hookimpl
    def fledge_models():
        return [Offer("moody", "moody:Moody", "moody:MoodyOptions")]


    class MoodyOptions(TinyOptions):
        trouble: Literal["raises", "dies", "hangs", "leaves"] = "raises"
        rank: int = 1
        cured: Path


    class Moody(Tiny):
        def build(self, classes):
            module = super().build(classes)
            module.register_forward_pre_hook(self.suffer)
            self.batches = 0
            return module

        def suffer(self, module, inputs):
            self.batches += module.training
            told = self.options
            if self.batches == 11 and int(os.environ["RANK"]) == told.rank and not told.cured.exists():
                match told.trouble:
                    case "raises": raise ValueError("a bad mood")
                    case "dies": os.kill(os.getpid(), signal.SIGKILL)
                    case "hangs": time.sleep(3600)
                    case "leaves": os._exit(3)
"""


def words(*settings: str, processes: int = 1) -> list[str]:
    told = [word for one in (*EXACT, *settings) for word in ("--set", one)]
    return [
        "run",
        "--dataset",
        "dots",
        "--model",
        "tiny",
        "--launcher",
        "torchrun",
        "--processes",
        str(processes),
        *told,
    ]


def weights(fledge: "Fledge", told: dict[str, Any]) -> dict[str, torch.Tensor]:
    return load_file(fledge.home / "runs" / told["run"] / "outputs" / "last.safetensors")


def alike(fledge: "Fledge", one: dict[str, Any], other: dict[str, Any]) -> None:
    theirs = weights(fledge, other)
    for name, tensor in weights(fledge, one).items():
        assert (theirs[name] - tensor).double().norm() <= 1e-5 * tensor.double().norm(), name


@pytest.mark.parametrize(("settings", "counts"), [((), (2, 3)), (MORE, (3,)), (HEAD, (2,))])
def test_many_processes_come_to_the_weights_of_one(
    fledge: "Fledge", settings: tuple[str, ...], counts: tuple[int, ...]
) -> None:
    one = fledge(*words(*settings), "--json").last
    assert one["metrics"]["epochs"] == 3
    for count in counts:
        other = fledge(*words(*settings, processes=count), "--json").last
        alike(fledge, one, other)
        for name in ("train_loss", "val_loss", "val_accuracy", "val_accuracy/red", "train_accuracy"):
            assert other["metrics"][name] == pytest.approx(one["metrics"][name], rel=1e-5), name


def start(fledge: "Fledge", give: "Give", tmp_path: Path, *settings: str, processes: int = 2) -> str:
    """A detached run of the moody model."""
    give("moody", TROUBLE)
    told = words(f"model.cured={tmp_path / 'cured'}", "training.checkpoint_every=3", *settings, processes=processes)
    told[told.index("tiny")] = "moody"
    return fledge(*told, "--detach").out.strip()


def ended(fledge: "Fledge", run: str) -> dict[str, Any]:
    while (told := shown(fledge, run))["state"] not in ("COMPLETED", "FAILED", "CANCELED", "PREEMPTED", "LOST"):
        time.sleep(0.1)
    return told


@pytest.mark.parametrize(
    ("trouble", "rank", "says"),
    [
        ("raises", 1, "rank 1: ValueError: a bad mood"),
        ("raises", 0, "ValueError: a bad mood"),
        ("dies", 1, "rank 1 was killed by SIGKILL"),
        ("dies", 0, "killed by SIGKILL"),
        ("leaves", 1, "rank 1 ended with exit status 3"),
        ("hangs", 1, "imed out"),
    ],
)
def test_a_rank_that_fails_fails_the_run_which_goes_on_in_any_number(
    fledge: "Fledge", give: "Give", tmp_path: Path, trouble: str, rank: int, says: str
) -> None:
    settings = (f"model.trouble={trouble}", f"model.rank={rank}", "launcher.timeout=8")
    run = start(fledge, give, tmp_path, *settings)
    told = ended(fledge, run)
    assert told["state"] == ("LOST" if (trouble, rank) == ("dies", 0) else "FAILED"), told
    assert says in told["error"]
    assert not strays(fledge, run)
    log = fledge("runs", "logs", run).out
    if trouble in ("raises", "hangs"):
        # The rank that it was, before any that fails because of it.
        first = "ValueError: a bad mood" if trouble == "raises" else "in suffer"
        assert f"[{rank}] " in next(line for line in log.splitlines() if first in line)
    if trouble == "raises":
        assert "Connection" not in log.partition("a bad mood")[0]
    if trouble not in ("dies", "hangs"):
        return
    (tmp_path / "cured").touch()
    again = fledge("runs", "resume", run, "--processes", "3", "--json").last
    assert again["state"] == "COMPLETED"
    epochs = [event["epoch"] for event in journal(fledge, run) if event["event"] == "metrics"]
    assert epochs == [1, 2, 3], "it began anew"
    assert "began with processes 2 and goes on with 3" in fledge("runs", "logs", run).out
    alike(fledge, fledge(*words(), "--json").last, again)
