"""Judgement: from what is in a folder to the samples of a data set, and all that is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fledge.data.examination import Examined
from fledge.data.folder_options import FolderOptions
from fledge.data.layout import Layout
from fledge.data.splitting import hold_out
from fledge.errors import DataError
from fledge.interfaces.dataset import SPLITS, Split

_UNSPLIT_FRACTION = 0.2
_NAMED = 20
_HOLD_OUT = "to hold a share of the images out for validation: --set dataset.val_fraction=0.2"

ByClass = dict[str, list[str]]


@dataclass
class Judgement:
    """files: usable ones by split and class, sorted; what is not in `classes` is left out.

    broken:  files that are no whole image, and folders that cannot be read
    classes_amiss: classes that are not whole, each with what it lacks
    fatal:   what leaves nothing to go on with, with its remedy
    """

    files: dict[Split, ByClass]
    classes: tuple[str, ...] = ()
    broken: list[str] = field(default_factory=list)
    classes_amiss: list[tuple[str, str]] = field(default_factory=list)
    fatal: list[tuple[str, str]] = field(default_factory=list)

    def check(self, root: Path, on_error: str) -> None:
        """Raises DataError with everything that is wrong, where it may not be passed over."""
        if not self.fatal and (on_error == "skip" or not (self.broken or self.classes_amiss)):
            return
        lines = [told for told, _ in self.fatal]
        lines += [f"class {kind!r} {lacks}" for kind, lacks in self.classes_amiss] + self.broken
        hints = [hint for _, hint in self.fatal]
        if on_error == "fail" and (self.broken or self.classes_amiss):
            hints.append("mend or remove what is wrong, or go on without it: --set dataset.on_error=skip")
        count = "1 thing is" if len(lines) == 1 else f"{len(lines)} things are"
        more = [f"and {len(lines) - _NAMED} more"] if len(lines) > _NAMED else []
        told = "".join(f"\n    {line}" for line in lines[:_NAMED] + more)
        raise DataError(f"{count} wrong with the images in {root}:{told}", hint="\n  ".join(hints))


def judge(layout: Layout, examined: Mapping[str, Examined], options: FolderOptions) -> Judgement:
    usable = {
        part: {kind: [name for name in names if not examined[name].problem] for kind, names in classes.items()}
        for part, classes in layout.files.items()
    }
    judgement = Judgement({"train": {}, "val": {}})
    judgement.broken = [f"{name} {examined[name].problem}" for name in layout.names if examined[name].problem]
    judgement.broken += sorted(layout.unreadable)
    fraction = options.val_fraction
    if "all" in usable:
        _split(judgement, usable["all"], examined, fraction or _UNSPLIT_FRACTION, options.split_seed)
    elif "val" not in usable and fraction is not None:
        _split(judgement, usable["train"], examined, fraction, options.split_seed)
    else:
        judgement.files = {split: usable.get(split, {}) for split in SPLITS}
        for split in SPLITS:
            if split not in usable:
                hint = _HOLD_OUT if split == "val" else "put the training images into train/CLASS/"
                judgement.fatal.append((f"there is no folder {split}/", hint))
    _judge_classes(judgement, layout)
    return judgement


def _split(judgement: Judgement, usable: ByClass, examined: Mapping[str, Examined], fraction: float, seed: int) -> None:
    for kind, names in usable.items():
        held = hold_out({name: examined[name].sha256 for name in names}, fraction, seed)
        judgement.files["val"][kind] = [name for name in names if name in held]
        judgement.files["train"][kind] = [name for name in names if name not in held]


def _judge_classes(judgement: Judgement, layout: Layout) -> None:
    train, val = judgement.files["train"], judgement.files["val"]
    comparable = bool(train) and bool(val)
    for kind in sorted({*train, *val}):
        if kind not in train and comparable:
            judgement.classes_amiss.append((kind, "is in val/ and not in train/"))
        elif kind in train and not train[kind]:
            judgement.classes_amiss.append((kind, "has no usable training image"))
        elif kind in train and comparable and not val.get(kind):
            lacks = "is in train/ and not in val/" if kind not in val else "has no usable validation image"
            if "val" not in layout.files:
                lacks = "has no image to hold out for validation: it needs two different ones"
            judgement.classes_amiss.append((kind, lacks))
    judgement.classes = tuple(kind for kind in sorted(train) if train[kind])
    if train and len(judgement.classes) < 2:
        found = f"only {judgement.classes[0]!r} has" if judgement.classes else "none has"
        judgement.fatal.append(
            (
                f"two classes with training images are needed, and {found} any",
                "add images, or a folder of another class",
            )
        )
    elif comparable and not any(val.get(kind) for kind in judgement.classes):
        judgement.fatal.append(("no class has a usable validation image", "add some to val/CLASS/"))
