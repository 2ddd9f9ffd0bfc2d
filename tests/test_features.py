"""Heads on frozen features: as exact as training behind the backbone, computed once, and never trusted blindly."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from fledge import PluginError
from fledge.digest import tensors_sha256
from fledge.interfaces.dataset import Sample
from fledge.interfaces.launcher import Parallel
from fledge.interfaces.model import Model, ParameterGroup
from fledge.launchers.single import SingleGroup
from fledge.runs.reporter import Reporter
from fledge.spec.training import TrainingSpec
from fledge.training.arithmetic import Arithmetic, has_bf16
from fledge.training.batches import Batch, Batches
from fledge.training.feature_batches import FeatureBatches
from fledge.training.features import Features
from fledge.training.image_batches import ImageBatches
from fledge.training.images import Images
from fledge.training.loop import Loop
from fledge.training.optimization import make_optimizer
from fledge.training.phases import Phase
from fledge_resnet.model import ResNet18
from fledge_resnet.options import ResNetOptions
from PIL import Image
from torch import Tensor, nn

from tests.long_run import journal, supervisor, until, wait_for

if TYPE_CHECKING:
    from tests.conftest import Fledge


class Stripes:
    """A sample of a size of its own, unlike any other."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.label = number % 2
        self.name = self.fingerprint = f"stripes {number}"

    def load(self, edge: int = 0) -> Image.Image:
        noise = torch.randint(0, 256, (40 + self.number, 60, 3), generator=torch.Generator().manual_seed(self.number))
        return Image.fromarray(noise.to(torch.uint8).numpy())


class InTurn(Batches):
    """Augmented images as a feature cache has seen them: of each image as many views as it keeps, in turn."""

    def __init__(self, images: ImageBatches, views: int) -> None:
        super().__init__(images.count, images.batch_size, images.seed, shuffled=True)
        self.images = images
        self.views = views

    def _load(self, epoch: int, start: int) -> Iterator[Batch]:
        by_index = {
            index: (image, label)
            for indices, (batch, labels) in zip(
                self.images.order(epoch % self.views), self.images.epoch(epoch % self.views), strict=True
            )
            for index, image, label in zip(indices.tolist(), batch, labels, strict=True)
        }
        for indices in self.order(epoch)[start:]:
            images, labels = zip(*(by_index[index] for index in indices.tolist()), strict=True)
            yield torch.stack(images), torch.stack(labels)


def trained(
    model: Model, spec: TrainingSpec, features: "Features | None", samples: list[Sample], arithmetic: Arithmetic
) -> str:
    """The digest of a head after training: on features, or through the frozen backbone where there are none."""
    torch.manual_seed(1)
    module = arithmetic.settle(model.build(("a", "b")))
    backbone, head = model.parts(module)
    backbone.requires_grad_(False).eval()
    through = arithmetic.forward(backbone)
    images = Images(samples, model.shorter_edge())
    seen = ImageBatches(images, model, batch_size=spec.batch_size, seed=5, train=True, workers=0, arithmetic=arithmetic)
    labels = torch.tensor([sample.label for sample in samples])
    if features is None:
        batches: Batches = InTurn(seen, spec.views)

        def forward(inputs: Tensor) -> Tensor:
            with torch.no_grad():
                outputs = through(inputs)
            logits: Tensor = head(outputs)
            return logits
    else:
        values = features.of(images, "train", spec.views)
        batches = FeatureBatches(values, labels, batch_size=spec.batch_size, seed=5, shuffled=True)
        forward = head
    loop = Loop(
        phase=Phase(True, spec), seed=5, group=SingleGroup(), module=head, forward=forward, frozen=backbone,
        criterion=nn.CrossEntropyLoss(), train=batches, val=batches, classes=("a", "b"), weights=None,
        parallel=Parallel(head, make_optimizer(spec, [ParameterGroup("head", list(head.parameters()))])),
    )  # fmt: skip
    assert len(list(loop.epochs(loop.beginning(0)))) == spec.epochs
    return tensors_sha256(head.state_dict())


@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("channels_last", [True, False])
def test_a_head_on_features_is_the_head_behind_the_backbone(
    tmp_path: Path, precision: str, channels_last: bool
) -> None:
    told: dict[str, Any] = {"precision": precision, "channels_last": channels_last}
    spec = TrainingSpec(mode="head", epochs=5, views=2, batch_size=8, optimizer="adamw", **told)
    model = ResNet18(ResNetOptions(weights="none", image_size=32))
    arithmetic = Arithmetic.of(spec, torch.device("cpu"))
    samples: list[Sample] = [Stripes(number) for number in range(21)]
    torch.manual_seed(1)
    backbone, _ = model.parts(arithmetic.settle(model.build(("a", "b"))))
    features = Features(model, backbone, arithmetic, 5, tmp_path, Reporter(tmp_path))
    assert trained(model, spec, features, samples, arithmetic) == trained(model, spec, None, samples, arithmetic)


class Floating(ResNet18):
    """Made for an interface that is not this one's: its transforms normalize."""

    def transforms(self, train: bool) -> Callable[[Tensor], Tensor]:
        seen = super().transforms(train)
        return lambda image: seen(image) / 255


@pytest.mark.parametrize("views", [0, 2])
def test_transforms_that_make_no_bytes_are_refused(tmp_path: Path, views: int) -> None:
    model = Floating(ResNetOptions(weights="none", image_size=32))
    arithmetic = Arithmetic.of(TrainingSpec(), torch.device("cpu"))
    backbone, _ = model.parts(arithmetic.settle(model.build(("a", "b"))))
    features = Features(model, backbone, arithmetic, 5, tmp_path, Reporter(tmp_path))
    with pytest.raises(PluginError, match=r"made torch\.float32 of .*, where uint8"):
        features.of(Images([Stripes(0)], None), "train", views)


HEAD = ("training.mode=head", "training.epochs=4", "training.views=2", "training.device=cpu", "dataset.train=40")


def words(*settings: str) -> list[str]:
    told = [word for setting in (*HEAD, *settings) for word in ("--set", setting)]
    return ["run", "--dataset", "dots", "--model", "tiny", *told]


def computed(fledge: "Fledge", run: str) -> int:
    """How many images a run put through the backbone."""
    told = [one for one in journal(fledge, run) if one["event"] == "progress" and "frozen" in one["what"]]
    return sum(one["total"] for one in told if one["done"] == one["total"])


@pytest.fixture
def own_cache(fledge: "Fledge") -> Path:
    fledge.environment["XDG_CACHE_HOME"] = str(fledge.folder / "cache")
    return fledge.folder / "cache" / "fledge" / "features"


def test_features_are_computed_once_and_again_for_whatever_else(fledge: "Fledge", own_cache: Path) -> None:
    first = fledge(*words(), "--json").last
    assert computed(fledge, first["run"]) == 96
    again = fledge(*words("training.lr=0.02"), "--json").last
    assert computed(fledge, again["run"]) == 0
    others = ["seed=1", "dataset.noise=0.2", "model.size=20", "model.dropout=0.1"]
    # Elsewhere that is what the first had.
    others += ["training.precision=fp32"] if has_bf16(torch.device("cpu")) else []
    for setting in others:
        other = fledge(*words(setting), "--json").last
        # Validation sees the same of other seeds, in any case but that of another network.
        assert computed(fledge, other["run"]) >= 80, setting
    assert fledge(*words(), "--json").last["weights_sha256"] == first["weights_sha256"]


def test_damaged_features_are_computed_anew(fledge: "Fledge", own_cache: Path) -> None:
    first = fledge(*words(), "--json").last
    for file in own_cache.glob("*/arrays"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    done = fledge(*words(), "--json")
    assert done.err.count("is damaged: its features are computed anew") == 2
    assert done.last["weights_sha256"] == first["weights_sha256"]
    assert computed(fledge, done.last["run"]) == 96


def test_where_features_cannot_be_kept_the_run_goes_on(fledge: "Fledge", own_cache: Path) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text("in the way")
    done = fledge(*words(), "--json")
    assert "features are not kept for the next run" in done.err
    own_cache.unlink()
    assert fledge(*words(), "--json").last["weights_sha256"] == done.last["weights_sha256"]


def test_killed_among_its_features_a_run_goes_on_with_them(fledge: "Fledge", own_cache: Path) -> None:
    peaceful = fledge(*words(), "--json", XDG_CACHE_HOME=str(fledge.folder / "elsewhere")).last["weights_sha256"]
    run = fledge(*words("model.slow=0.5"), "--detach").out.strip()
    wait_for(fledge, run, "progress", 1)
    os.killpg(supervisor(fledge, run), signal.SIGTERM)
    until(fledge, run, "PREEMPTED")
    assert fledge("runs", "resume", run, "--json").last["weights_sha256"] == peaceful


def test_the_head_first_then_all_layers(fledge: "Fledge") -> None:
    both = (
        "training.mode=head+finetune",
        "training.finetune_epochs=2",
        "training.checkpoint_every=2",
        "training.batch_size=8",
    )
    settings = words(*both)
    wanted = fledge(*settings, "--json").last
    told = [one for one in journal(fledge, wanted["run"]) if one["event"] == "metrics"]
    assert [one["epoch"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert told[0]["values"]["lr"] > told[4]["values"]["lr"]
    spec = json.loads(fledge("runs", "show", wanted["run"], "--json").out)["spec"]
    assert spec["training"]["finetune_epochs"] == 2
    for epochs in (2, 5):
        run = fledge(*settings, "--set", "model.slow=0.25", "--detach").out.strip()
        wait_for(fledge, run, "metrics", epochs)
        os.killpg(supervisor(fledge, run), signal.SIGKILL)
        until(fledge, run, "LOST")
        assert fledge("runs", "resume", run, "--json").last["weights_sha256"] == wanted["weights_sha256"]
