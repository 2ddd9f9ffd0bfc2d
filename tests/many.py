"""A training small enough to be done in one process and again in many, and a model that goes wrong in one of them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file

from tests.long_run import ENDED, until

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# 25 images a class in batches of 8: the last batch has 2, of which a third process gets none. In bf16, which some
# processors would choose, sums in another order come to other numbers.
EXACT = (
    "training.epochs=3", "training.batch_size=8", "training.device=cpu", "training.freeze_batchnorm=true",
    "model.dropout=0", "dataset.train=25", "dataset.val=13", "training.lr=0.05", "training.precision=fp32",
)  # fmt: skip
MORE = (
    "training.accumulate=3", "training.clip_grad_norm=0.1", "training.class_weights.red=3",
    "training.class_weights.blue=1",
)  # fmt: skip
HEAD = ("training.mode=head", "training.freeze_batchnorm=false")
# A model whose forward pass goes wrong in one rank, at its eleventh batch of training.
TROUBLE = """
    from pathlib import Path
    from typing import Literal

    from fledge import Offer, hookimpl
    from fledge_sample.options import TinyOptions

    FLEDGE_API = 1


    @hookimpl
    def fledge_models():
        return [Offer("moody", "moody_model:Moody", "moody:MoodyOptions")]


    class MoodyOptions(TinyOptions):
        trouble: Literal["raises", "breaks", "dies", "hangs"] = "raises"
        rank: int = 1
        cured: Path
"""
MOODY = """
    import os
    import signal
    import time

    from fledge_sample.tiny import Tiny


    class Broken(RuntimeError):
        def __str__(self):
            # It is being told: what comes from now on comes too late to be raised instead.
            self.args[0].touch()
            return "broken pipe"


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
                    # As a collective does whose other end has gone.
                    case "breaks": raise Broken(told.cured.with_name("broke"))
                    case "dies": os.kill(os.getpid(), signal.SIGKILL)
                    case "hangs": time.sleep(3600)
"""


# A model that writes down which images each forward pass sees, in a file a rank.
SPY = """
    from pathlib import Path

    from fledge import Offer, hookimpl
    from fledge_sample.options import TinyOptions

    FLEDGE_API = 1


    @hookimpl
    def fledge_models():
        return [Offer("spy", "spy_model:Spy", "spy:SpyOptions")]


    class SpyOptions(TinyOptions):
        folder: Path
"""
SPY_MODEL = """
    import hashlib
    import json
    import os

    from fledge_sample.tiny import Tiny


    class Spy(Tiny):
        def build(self, classes):
            module = super().build(classes)
            module.register_forward_pre_hook(self.note)
            return module

        def note(self, module, inputs):
            images = [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in inputs[0].contiguous()]
            with (self.options.folder / os.environ.get("RANK", "0")).open("a") as file:
                file.write(json.dumps([module.training, images]) + "\\n")
"""


def words(launcher: str, processes: int | str, *settings: str) -> list[str]:
    launched = ["--launcher", launcher, "--processes", str(processes)]
    told = [word for one in (*EXACT, *settings) for word in ("--set", one)]
    return ["run", "--dataset", "dots", "--model", "tiny", *launched, *told]


def started(fledge: "Fledge", give: "Give", tmp_path: Path, launcher: str, processes: int | str, *settings: str) -> str:
    """A detached run of the moody model."""
    give("moody", TROUBLE, model=MOODY)
    more = (f"model.cured={tmp_path / 'cured'}", "training.checkpoint_every=3", *settings)
    told = words(launcher, processes, *more)
    told[told.index("tiny")] = "moody"
    return fledge(*told, "--detach").out.strip()


Seen = list[tuple[bool, list[str]]]


def seen(fledge: "Fledge", folder: Path, launcher: str, processes: int) -> tuple[dict[str, Any], list[Seen]]:
    """The spied model's run; and of each rank, whether it trained, and which images it saw, pass by pass."""
    folder.mkdir()
    told = words(launcher, processes, f"model.folder={folder}")
    told[told.index("tiny")] = "spy"
    run = fledge(*told, "--json").last
    ranks = [folder / str(rank) for rank in range(processes)]
    return run, [[tuple(json.loads(line)) for line in rank.read_text().splitlines()] for rank in ranks]


def same_order(alone: Seen, ranks: list[Seen]) -> None:
    """Holds the ranks to their shares of the batches that one process saw, in its order."""
    for rank, own in enumerate(ranks):
        shares = [(trains, images, np.array_split(images, len(ranks))[rank].tolist()) for trains, images in alone]
        # What has no share sees the batch's first image, which counts for nothing.
        assert own == [(trains, share or images[:1]) for trains, images, share in shares], f"rank {rank}"


def ended(fledge: "Fledge", run: str) -> dict[str, Any]:
    return until(fledge, run, *ENDED)


def weights(fledge: "Fledge", told: dict[str, Any]) -> dict[str, torch.Tensor]:
    return load_file(fledge.home / "runs" / told["run"] / "outputs" / "last.safetensors")


def alike(fledge: "Fledge", one: dict[str, Any], other: dict[str, Any], bound: float = 1e-5) -> None:
    """Holds two runs' last weights to a relative bound, tensor by tensor."""
    close(weights(fledge, one), weights(fledge, other), bound)


def close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], bound: float = 1e-5) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert (other[name] - tensor).double().norm() <= bound * tensor.double().norm(), name


_NODE = """
from fledge.discovery.discover import discover
group = discover().make("launcher", {launcher!r}, {{}}).group()
told = group.average([float(group.rank)]), group.broadcast(b"%d" % group.rank)
print(group.rank, group.local_rank, group.world_size, *told)
"""


def nodes_meet(launcher: str) -> list[str]:
    """What four processes on two nodes, which are this machine, say of their group, in any order."""
    ranks = [sys.executable, "-m", "fledge.launchers.ranks", "4", "2", "python", "-c", _NODE.format(launcher=launcher)]
    with socket.socket() as free:
        # Held as fledge.launchers.ranks holds its own, on Linux.
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
        nodes = [
            subprocess.Popen(ranks, env=os.environ | meeting | {"NODE_RANK": node}, stdout=subprocess.PIPE, text=True)
            for node in "01"
        ]
        said = [line for node in nodes for line in node.communicate()[0].splitlines()]
    assert [node.returncode for node in nodes] == [0, 0], said
    return sorted(line for line in said if line.startswith("["))


NODES_SAY = [f"[{rank}] {rank} {rank % 2} 4 [1.5] b'0'" for rank in range(4)]
