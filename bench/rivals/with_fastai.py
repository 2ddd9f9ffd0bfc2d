"""fastai's training of all layers; see common.py.

Its own defaults: `vision_learner`, unfrozen, and one cycle of Adam, in batches of 64 by as many loader processes as
there are cores. An epoch's last, smaller batch is dropped, and the head is larger than the others'.
fledge's settings: the plain network, autocast by a callback written here, and `ChannelsLast`.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from fastai.vision.all import (
    Callback,
    ChannelsLast,
    FlipItem,
    ImageDataLoaders,
    Learner,
    Normalize,
    OptimWrapper,
    RandomResizedCrop,
    imagenet_stats,
    vision_learner,
)
from rivals.common import BATCH, LR, MOMENTUM, Arguments, Watch, arguments, network
from torch.optim import SGD
from torchvision.models import ResNet18_Weights, resnet18


class Watched(Callback):
    # Before fastai's own callbacks.
    order = -100

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def before_train(self) -> None:
        self.watch.begins()

    def before_batch(self) -> None:
        if self.training:
            self.watch.saw(self.yb[0])

    def after_train(self) -> None:
        self.watch.ends()


class Bf16(Callback):
    """What fastai's `MixedPrecision` does, whose autocast is for CUDA alone."""

    order = 10

    def before_batch(self) -> None:
        self.autocast = torch.autocast("cpu", torch.bfloat16)
        self.autocast.__enter__()

    def after_pred(self) -> None:
        self.learn.pred = self.pred.float()

    def after_loss(self) -> None:
        self.autocast.__exit__(None, None, None)


def loaders(told: Arguments, **settings: Any) -> Any:
    # The transforms of the others, as fastai has them. vision_learner adds the normalization by itself.
    crop = [RandomResizedCrop(224), FlipItem()]
    return ImageDataLoaders.from_folder(told.photos, train="train", valid="val", item_tfms=crop, **settings)


def own(told: Arguments, folder: Path, watch: Watch) -> None:
    # Where torchvision would put the weights it downloads.
    checkpoint = folder / "checkpoints" / Path(ResNet18_Weights.DEFAULT.url).name
    checkpoint.parent.mkdir()
    checkpoint.symlink_to(told.weights.resolve())
    torch.hub.set_dir(folder)
    learner = vision_learner(loaders(told), resnet18, path=folder, cbs=Watched(watch))
    learner.unfreeze()
    learner.fit_one_cycle(told.epochs)


def same(told: Arguments, folder: Path, watch: Watch) -> None:
    normalize = Normalize.from_stats(*imagenet_stats)
    data = loaders(told, bs=BATCH, drop_last=False, num_workers=told.workers, batch_tfms=normalize)
    callbacks = [Watched(watch), ChannelsLast(), *([Bf16()] if told.bf16 else [])]
    sgd = partial(OptimWrapper, opt=SGD, momentum=MOMENTUM)
    learner = Learner(data, network(told.weights, data.c), opt_func=sgd, path=folder, cbs=callbacks)
    learner.fit(told.epochs, LR)


def main() -> None:
    told, watch = arguments(), Watch()
    with tempfile.TemporaryDirectory() as folder:
        (same if told.same else own)(told, Path(folder), watch)
    watch.tell()


if __name__ == "__main__":
    main()
