"""Puts a training loop together: over images and the whole network, or over frozen features and its head."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from fledge.interfaces.dataset import Sample, Split
from fledge.interfaces.launcher import Group
from fledge.interfaces.model import ParameterGroup
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.spec.training import TrainingSpec
from fledge.training.batches import Batches
from fledge.training.criterion import class_weights, make_criterion
from fledge.training.feature_batches import FeatureBatches
from fledge.training.features import Features
from fledge.training.image_batches import ImageBatches
from fledge.training.images import Images
from fledge.training.loop import Loop
from fledge.training.optimization import make_optimizer
from fledge.training.phases import Phase
from fledge.training.preparation import Prepared

_EVALUATION_IMAGES = 32
_EVALUATION_FEATURES = 4096


class Assembly:
    """A network, and the images it is to learn from; `loop` makes what one phase of its training needs."""

    def __init__(self, spec: RunSpec, ready: Prepared, cache: Path, report: Reporter, group: Group) -> None:
        self._spec = spec
        self._model = ready.model
        self._module = ready.module
        self._samples = ready.samples
        self._classes = ready.classes
        self._arithmetic = ready.arithmetic
        self._cache = cache
        self._report = report
        self._group = group

    def loop(self, phase: Phase) -> Loop:
        """For a phase of the head this is where the backbone runs, once over every image."""
        training = phase.spec
        labels = [sample.label for sample in self._samples["train"]]
        weights = class_weights(training, self._classes, labels)
        module, frozen, groups = self._trainee(phase)
        parallel = self._group.parallel(module, make_optimizer(training, groups), training.accumulate)
        train, val = self._features(phase, frozen) if frozen is not None else self._images(phase)
        return Loop(
            phase=phase,
            seed=self._spec.seed,
            group=self._group,
            module=module,
            parallel=parallel,
            forward=parallel.module if phase.head else self._arithmetic.forward(parallel.module),
            frozen=frozen,
            criterion=make_criterion(training, weights, self._arithmetic.device),
            train=train,
            val=val,
            classes=self._classes,
            weights=torch.tensor([weights[label] for label in labels], dtype=torch.float64) if weights else None,
        )

    def _trainee(self, phase: Phase) -> tuple[nn.Module, nn.Module | None, Sequence[ParameterGroup]]:
        if phase.head:
            frozen, head = self._model.parts(self._module)
            frozen.requires_grad_(False)
            return head, frozen, [ParameterGroup("head", list(head.parameters()))]
        self._module.requires_grad_(True)
        if phase.spec.sync_batchnorm:
            self._module = self._group.synchronize_batchnorm(self._module)
        if phase.spec.cuda_graphs:
            self._module.compile(mode="reduce-overhead")
        elif phase.spec.compile:
            self._module.compile()
        return self._module, None, list(self._model.parameter_groups(self._module))

    def _images(self, phase: Phase) -> tuple[Batches, Batches]:
        size = phase.spec.batch_size

        def batches(split: Split, *, train: bool) -> ImageBatches:
            return ImageBatches(
                self._kept(split),
                self._model,
                batch_size=size if train else max(size, _EVALUATION_IMAGES * self._group.world_size),
                seed=self._spec.seed,
                train=train,
                workers=_workers(phase.spec, self._arithmetic.device),
                arithmetic=self._arithmetic,
                place=self._group.place,
            )

        return batches("train", train=True), batches("val", train=False)

    def _features(self, phase: Phase, backbone: nn.Module) -> tuple[Batches, Batches]:
        features = Features(self._model, backbone, self._arithmetic, self._spec.seed, self._cache, self._report)
        # Kept, where a later phase asks for the same images again.
        images = self._kept if phase.spec.mode == "head+finetune" else self._decoded

        def batches(split: Split, *, train: bool) -> FeatureBatches:
            return FeatureBatches(
                features.of(images(split), split, phase.spec.views if train else 0),
                _labels(self._samples[split]).to(self._arithmetic.device),
                batch_size=phase.spec.batch_size if train else _EVALUATION_FEATURES,
                seed=self._spec.seed,
                shuffled=train,
                place=self._group.place,
            )

        return batches("train", train=True), batches("val", train=False)

    def _decoded(self, split: Split) -> Images:
        return Images(self._samples[split], self._model.shorter_edge())

    def _kept(self, split: Split) -> Images:
        return Images.kept(self._samples[split], split, self._model.shorter_edge(), self._cache, self._report)


def _labels(samples: Sequence[Sample]) -> torch.Tensor:
    return torch.tensor([sample.label for sample in samples])


def _workers(training: TrainingSpec, device: torch.device) -> int:
    if isinstance(training.workers, int):
        return training.workers
    return min(4, os.cpu_count() or 1) if device.type == "cuda" else 0
