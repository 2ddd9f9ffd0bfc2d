"""FolderDataset: a data set that is, in the end, a folder of images."""

import hashlib
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from fledge.data.image_file import ImageFile
from fledge.data.inspection import Inspected, inspect
from fledge.data.layout import Layout, read_layout
from fledge.data.splitting import hold_out, twins
from fledge.errors import DataError, PluginError
from fledge.interfaces.dataset import SPLITS, Dataset, Sample, Split
from fledge.interfaces.options import Options
from fledge.interfaces.progress import Progress

_NAMED = 20
_EXAMPLES = 3


class FolderOptions(Options):
    """What every folder of images can be told."""

    on_error: Literal["fail", "skip"] = Field("fail", description="skip: leave out files that are no whole image")
    val_fraction: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share held out for validation where there is no val/; 0.2 for a folder of classes",
    )
    split_seed: int = Field(0, description="which images are held out")


class FolderDataset(Dataset):
    """Images in `train/CLASS/` and `val/CLASS/`, or in `CLASS/` alone, which is then split by a seed.

    An implementation says where the folder is; everything else is done here: every file is decoded once and its
    finding kept in the cache, so that a second `prepare` reads only what has changed. `prepare` must be called
    in each process before `classes` and `split`.
    """

    options: FolderOptions

    _classes: tuple[str, ...] | None = None
    _samples: Mapping[str, Sequence[Sample]]

    @abstractmethod
    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        """The folder, made if need be. Held to the promises of `prepare`."""

    @property
    def classes(self) -> tuple[str, ...]:
        if self._classes is None:
            raise PluginError(f"{type(self).__name__} was asked for its classes before `prepare` was called")
        return self._classes

    def split(self, name: Split) -> Sequence[Sample]:
        assert self.classes
        return self._samples[name]

    def _prepare(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> None:
        root = self._root(cache, progress, warn)
        layout = read_layout(root)
        index = cache / "inspected" / f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
        inspected = inspect(root, layout.names, index, progress)
        self._judge(root, layout, inspected, warn)

    def _judge(
        self, root: Path, layout: Layout, inspected: Mapping[str, Inspected], warn: Callable[[str], None]
    ) -> None:
        """Settle classes and samples, or raise DataError with all that is wrong."""
        usable = {key: [name for name in names if not inspected[name].problem] for key, names in layout.files.items()}
        problems = [f"{name} {inspected[name].problem}" for name in layout.names if inspected[name].problem]
        splits = self._split(root, layout, usable, inspected)
        classes = sorted(set(layout.classes.get("train", ())) | set(layout.classes.get("", ())))
        for name in sorted(set(layout.classes.get("val", ())) - set(classes)):
            problems.append(f"val/{name} is a class that train/ does not have")
        for split in SPLITS:
            problems += [f"{split}/{name} has no usable image" for name in classes if not splits[split].get(name)]
        if problems and self.options.on_error == "fail":
            raise DataError(
                f"{len(problems)} thing(s) wrong in {root}:" + _listed(problems),
                hint="mend or remove them, or leave them out: --set dataset.on_error=skip",
            )
        kept = [name for name in classes if splits["train"].get(name)]
        if len(kept) < 2:
            raise DataError(f"{root} has usable training images of {len(kept)} class(es), and two are needed")
        if not any(splits["val"].get(name) for name in kept):
            raise DataError(
                f"{root} has no usable validation images", hint="hold out a share: --set dataset.val_fraction=0.2"
            )
        for problem in problems:
            warn(f"left out: {problem}")
        self._tell_odd(inspected, warn)
        self._classes = tuple(kept)
        self._samples = {
            split: [
                ImageFile(root / name, name, label, inspected[name].sha256)
                for label, kind in enumerate(kept)
                for name in splits[split].get(kind, ())
            ]
            for split in SPLITS
        }
        self._tell_twins(warn)

    def _split(
        self,
        root: Path,
        layout: Layout,
        usable: Mapping[tuple[str, str], Sequence[str]],
        inspected: Mapping[str, Inspected],
    ) -> dict[str, dict[str, list[str]]]:
        """Names by split and class."""
        found: dict[str, dict[str, list[str]]] = {split: {} for split in SPLITS}
        if "val" in layout.classes:
            for (split, kind), names in usable.items():
                found[split][kind] = list(names)
            return found
        if layout.split_already and self.options.val_fraction is None:
            raise DataError(
                f"{root} has a folder train, and no folder val beside it",
                hint="hold out a share of train/ for validation: --set dataset.val_fraction=0.2",
            )
        fraction = self.options.val_fraction or 0.2
        for (_, kind), names in usable.items():
            held = hold_out({name: inspected[name].sha256 for name in names}, fraction, self.options.split_seed)
            found["val"][kind] = [name for name in names if name in held]
            found["train"][kind] = [name for name in names if name not in held]
        return found

    def _tell_odd(self, inspected: Mapping[str, Inspected], warn: Callable[[str], None]) -> None:
        odd = defaultdict(list)
        for name, one in sorted(inspected.items()):
            if one.odd and not one.problem:
                odd[one.odd].append(name)
        for what, names in sorted(odd.items()):
            more = "" if len(names) <= _EXAMPLES else ", ..."
            warn(f"{len(names)} {what} image(s), converted: {', '.join(names[:_EXAMPLES])}{more}")

    def _tell_twins(self, warn: Callable[[str], None]) -> None:
        train, val = ([(s.name, s.fingerprint) for s in self._samples[split]] for split in SPLITS)
        pairs = twins(train, val)
        if pairs:
            one, other = pairs[0]
            warn(
                f"{len(pairs)} validation image(s) are among the training images too, which flatters the accuracy: "
                f"{other} is {one}"
            )


def _listed(problems: Sequence[str]) -> str:
    more = [] if len(problems) <= _NAMED else [f"and {len(problems) - _NAMED} more"]
    return "".join(f"\n    {line}" for line in [*problems[:_NAMED], *more])
