"""Puts a training loop together: over images and the whole network, or over frozen features and its head."""

import os
from collections.abc import Sequence

import torch
from torch import nn

from fledge.interfaces.dataset import Split
from fledge.interfaces.model import Model, ParameterGroup
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.spec.training import TrainingSpec
from fledge.training.batches import Batches
from fledge.training.criterion import class_weights, make_criterion
from fledge.training.facts import Samples
from fledge.training.feature_batches import FeatureBatches, extract_features
from fledge.training.image_batches import ImageBatches
from fledge.training.loop import Loop
from fledge.training.optimization import make_optimizer

_EVALUATION_BATCH = 32


def make_loop(
    spec: RunSpec, model: Model, module: nn.Module, samples: Samples, classes: tuple[str, ...], report: Reporter
) -> Loop:
    """In mode "head" this is where the backbone runs, once over every image."""
    training = spec.training
    device = next(module.parameters()).device
    labels = [sample.label for sample in samples["train"]]
    weights = class_weights(training, classes, labels)
    trainee: nn.Module
    groups: Sequence[ParameterGroup]
    train: Batches
    val: Batches
    if training.mode == "finetune":
        trainee, groups = module, list(model.parameter_groups(module))
        train = _images(spec, model, samples, "train", device, augmented=True)
        val = _images(spec, model, samples, "val", device, augmented=False)
    else:
        backbone, trainee = model.parts(module)
        backbone.requires_grad_(False)
        groups = [ParameterGroup("head", list(trainee.parameters()))]
        train = _features(spec, model, backbone, samples, "train", device, report)
        val = _features(spec, model, backbone, samples, "val", device, report)
    return Loop(
        spec=training,
        seed=spec.seed,
        module=trainee,
        criterion=make_criterion(training, weights, device),
        optimizer=make_optimizer(training, groups),
        train=train,
        val=val,
        classes=classes,
        say=[weights[label] if weights else 1.0 for label in labels],
    )


def _images(
    spec: RunSpec, model: Model, samples: Samples, split: Split, device: torch.device, *, augmented: bool
) -> ImageBatches:
    size = spec.training.batch_size
    return ImageBatches(
        samples[split],
        model.transforms(train=augmented),
        batch_size=size if augmented else max(size, _EVALUATION_BATCH),
        seed=spec.seed,
        shuffled=augmented,
        workers=_workers(spec.training, device),
        device=device,
    )


def _features(
    spec: RunSpec,
    model: Model,
    backbone: nn.Module,
    samples: Samples,
    split: Split,
    device: torch.device,
    report: Reporter,
) -> FeatureBatches:
    def tell(done: int) -> None:
        report.progress(f"frozen features, {split}", done, len(samples[split]), "images")

    images = _images(spec, model, samples, split, device, augmented=False)
    features, labels = extract_features(backbone, images, tell)
    size = spec.training.batch_size
    return FeatureBatches(features, labels, batch_size=size, seed=spec.seed, shuffled=split == "train")


def _workers(training: TrainingSpec, device: torch.device) -> int:
    if isinstance(training.workers, int):
        return training.workers
    return min(4, os.cpu_count() or 1) if device.type == "cuda" else 0
