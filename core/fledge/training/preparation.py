"""What a training begins with: its images, its network, and how far it had come."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fledge.discovery.catalog import Catalog
from fledge.importing import importing
from fledge.interfaces.dataset import SPLITS, Dataset
from fledge.interfaces.launcher import Group
from fledge.interfaces.model import Model
from fledge.profiling import span
from fledge.runs.reporter import Reporter
from fledge.runs.run_directory import CHECKPOINTS
from fledge.spec.run_spec import RunSpec
from fledge.training.arithmetic import Arithmetic
from fledge.training.beginning import beginning, check
from fledge.training.checkpoint_store import Checkpoint, CheckpointStore
from fledge.training.device import choose_device, make_deterministic
from fledge.training.facts import Samples, check_samples, describe
from fledge.training.memory import keep_memory
from fledge.training.seeds import seed_torch
from fledge.training.together import newest_checkpoint


@dataclass(frozen=True)
class Prepared:
    """module is the network as it was built, on its device.

    now         what every checkpoint to come says of how the run goes on
    provenance  what the model's card says of where it comes from
    """

    model: Model
    module: nn.Module
    arithmetic: Arithmetic
    samples: Samples
    classes: tuple[str, ...]
    store: CheckpointStore
    now: dict[str, Any]
    provenance: dict[str, Any]


def prepare(
    spec: RunSpec, catalog: Catalog, group: Group, cache: Path, report: Reporter
) -> tuple[Prepared, Checkpoint | None]:
    """Fetch data and weights, build the network, and say what there is; with the newest checkpoint, if there is one.

    Sets for this whole process what sums depend on: torch's seed, its threads and its algorithms.

    Raises FledgeError where the data, the weights or the device will not do, or a checkpoint is of another training.
    """
    assert spec.dataset is not None
    device = choose_device(spec.training, group.place)
    if device.type == "cpu":
        keep_memory()
    dataset, model = _fetched(spec, catalog, cache, report)
    classes = dataset.classes
    samples: Samples = {split: dataset.split(split) for split in SPLITS}
    check_samples(samples, classes)
    described = describe(samples, classes)
    store = CheckpointStore(report.folder / CHECKPOINTS)
    found = newest_checkpoint(group, store, report.warn)
    began = found.told["facts"] if found else {}
    # Sums depend on how many threads share them, and all on the number format.
    if began.get("processes", 1) == group.world_size:
        torch.set_num_threads(began.get("threads") or torch.get_num_threads())
    arithmetic = Arithmetic.of(spec.training, device, began.get("precision"))
    now = beginning(spec, classes, described["fingerprint"], arithmetic, group.world_size)
    if found:
        check(began, now, report.warn)
    seed_torch(spec.seed, "build")
    with span("build model"):
        module = arithmetic.settle(model.build(classes))
    provenance = {
        "classes": list(classes),
        "dataset": {"name": spec.dataset.name, **described},
        "weights": dict(model.provenance()),
        "transforms": dict(model.describe_transforms()),
    }
    prepared = Prepared(model, module, arithmetic, samples, classes, store, now, provenance)
    _tell(prepared, spec, group, report)
    return prepared, found


def _fetched(spec: RunSpec, catalog: Catalog, cache: Path, report: Reporter) -> tuple[Dataset, Model]:
    assert spec.dataset is not None
    assert spec.model is not None
    with span("import plugins"), importing():
        # Imports torch's compiler, which torchvision needs too.
        make_deterministic()
        dataset: Dataset = catalog.make("dataset", spec.dataset.name, spec.dataset.options)
        model: Model = catalog.make("model", spec.model.name, spec.model.options)
    with span("prepare data"):
        dataset.prepare(cache / "datasets" / spec.dataset.name, report.progress, report.warn)
    with span("prepare weights"):
        model.prepare(cache / "models" / spec.model.name, report.progress, report.warn)
    return dataset, model


def _tell(prepared: Prepared, spec: RunSpec, group: Group, report: Reporter) -> None:
    assert spec.dataset is not None
    assert spec.model is not None
    device = prepared.arithmetic.device
    machine = {"device": str(device), "precision": prepared.arithmetic.precision, "threads": torch.get_num_threads()}
    machine |= {"launcher": spec.launcher.name, "processes": group.world_size}
    machine |= {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    report.params({**prepared.provenance, **machine, "torch": torch.__version__})
    counts = " and ".join(f"{len(prepared.samples[split])} {split}" for split in SPLITS)
    many = f" in {group.world_size} processes" if group.world_size > 1 else ""
    classes = ", ".join(prepared.classes)
    report.say(f"{spec.dataset.name}: {counts} images of {classes}; {spec.model.name} on {device}{many}")
