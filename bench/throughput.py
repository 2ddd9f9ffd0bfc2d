"""Images a second of training all layers: fledge, the tutorial's loop, fastai, Lightning, the Trainer, and the limit.

    python bench/throughput.py [--photos DIR] [--weights FILE] [--repeat N] [--epochs N] [--peers NAME ...]
                               [--seeds N] [--switch-epochs N] [--results DIR]

The same ResNet-18 from the same weights, on the same photographs, cropped, flipped and normalized alike, without a GPU.
Whole processes in turn, --repeat times; of each the epochs after the first, their training without validation, and the
median of medians. fledge decodes the photographs once, before its first epoch, the others in every epoch.

Each peer (fastai, Lightning, Hugging Face's Trainer) is measured at its own defaults and at fledge's settings, and at
these with two loader processes as well; `rivals/with_*.py` tell what that means. Each has an environment of its own,
which this installs. The limit is a bare step on a batch that is already there. Beside them, what fledge's switches do
to speed and accuracy: --seeds runs of --switch-epochs.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from environments import LIGHTNING, environment, training
from fledge.training.arithmetic import has_bf16
from harness import PHOTOS, ROOT, WEIGHTS, Goal, finish, table, timed

PEERS = {
    "fastai": ("fastai==2.8.12",),
    "lightning": (LIGHTNING,),
    "transformers": ("transformers==5.24.0", "accelerate==1.15.0"),
}
FLEDGE, TUTORIAL, LIMIT = "fledge", "tutorial's loop", "bare step"
OWN, SAME, LOADED = "its own defaults", "fledge's settings", "fledge's settings, 2 loaders"
# Number format, whether channels come last, and whether torch.compile makes the kernels.
SWITCHES = {
    "fp32, contiguous": ("fp32", False, False),
    "fp32, channels last": ("fp32", True, False),
    "bf16, channels last": ("bf16", True, False),
    "bf16, channels last, compiled": ("bf16", True, True),
}

Row = dict[str, Any]


def rival(module: str, *words: str | Path, python: str | Path = sys.executable) -> float:
    done = timed([python, "-m", f"rivals.{module}", *words], PYTHONPATH=str(ROOT / "bench"), CUDA_VISIBLE_DEVICES="")
    return typical(done.told["images_per_second"])


def bare(told: Any, switch: str) -> float:
    precision, channels_last, _ = SWITCHES[switch]
    words = ["--precision", precision, *([] if channels_last else ["--contiguous"])]
    return rival("bare_step", told.weights, "--rounds", str(told.epochs), *words)


def fledge(told: Any, folder: Path, epochs: int, *more: str) -> tuple[float, float]:
    """Images a second, and the best validation accuracy."""
    settings = [f"dataset.root={told.photos}", f"model.weights={told.weights}", "training.batch_size=32"]
    words = [word for one in (*settings, f"training.epochs={epochs}", *more) for word in ("--set", one)]
    done = timed(
        [sys.executable, "-m", "fledge", "run", "--dataset", "imagefolder", "--model", "resnet18", "--json", *words],
        FLEDGE_HOME=str(folder / "home"),
        XDG_CACHE_HOME=str(folder / "cache"),
        CUDA_VISIBLE_DEVICES="",
    )
    journal = (folder / "home" / "runs" / done.told["run"] / "journal.jsonl").read_text().splitlines()
    rates = [e["values"]["images_per_second"] for e in map(json.loads, journal) if e["event"] == "metrics"]
    return typical(rates), done.told["metrics"]["best_val_accuracy"]


def typical(rates: list[float]) -> float:
    """The median of the epochs after the first."""
    return statistics.median(rates[1:])


def cases(told: Any, folder: Path, bf16: bool, absent: dict[str, str]) -> dict[tuple[str, str], Callable[[], float]]:
    """What is measured, in the order of the table. Notes in `absent` which peer cannot be, and why."""
    words = (told.photos, told.weights, "--epochs", str(told.epochs))
    same = ("--same", "--precision", "bf16" if bf16 else "fp32")
    found: dict[tuple[str, str], Callable[[], float]] = {}
    found[FLEDGE, OWN] = lambda: fledge(told, folder, told.epochs)[0]
    found[TUTORIAL, OWN] = partial(rival, "tutorial", *words)
    for peer in told.peers:
        try:
            python = environment(peer, training(*PEERS[peer])) / "bin" / "python"
        except RuntimeError as error:
            absent[peer] = str(error)
            continue
        found[peer, OWN] = partial(rival, f"with_{peer}", *words, python=python)
        found[peer, SAME] = partial(rival, f"with_{peer}", *words, *same, python=python)
        found[peer, LOADED] = partial(rival, f"with_{peer}", *words, *same, "--workers", "2", python=python)
    for switch in known(bf16):
        if "compiled" not in switch:
            found[LIMIT, switch] = partial(bare, told, switch)
    return found


def known(bf16: bool) -> list[str]:
    return [switch for switch, (precision, *_) in SWITCHES.items() if bf16 or precision == "fp32"]


def switches(told: Any, folder: Path, bf16: bool) -> list[Row]:
    """What fledge reaches with each, in turn."""
    found: dict[str, list[tuple[float, float]]] = {switch: [] for switch in known(bf16)}
    for seed in range(told.seeds):
        for switch, runs in found.items():
            names = ("precision", "channels_last", "compile")
            chosen = [f"training.{k}={str(v).lower()}" for k, v in zip(names, SWITCHES[switch], strict=True)]
            runs.append(fledge(told, folder, told.switch_epochs, f"seed={seed}", *chosen))
            print(f"  fledge, {switch}, seed {seed}: {runs[-1]}", file=sys.stderr)
    rows = []
    for switch, runs in found.items():
        speeds, accuracies = zip(*runs, strict=True)
        row = {"fledge": switch, "runs": len(runs), "images/s": statistics.median(speeds)}
        rows.append({**row, "accuracy": statistics.mean(accuracies), "lowest": min(accuracies)})
    return rows


def goals(speed: dict[tuple[str, str], float]) -> tuple[list[Goal], list[str]]:
    """Those that can be told, and of the others why not."""
    mine, told, left = speed[FLEDGE, OWN], [], []
    missing = [peer for peer in PEERS if (peer, OWN) not in speed]
    for ways, bound in (((OWN,), 2.0), ((SAME, LOADED), 1.1)):
        what = f"faster than the best peer at {ways[0]}"
        if missing:
            left.append(f"{what}: {' and '.join(missing)} not measured")
        else:
            told.append(Goal(what, mine / max(speed[peer, way] for peer in PEERS for way in ways), bound))
    # With bf16 that is the bf16 step, unless the machine is a strange one.
    limit = max(value for (what, _), value in speed.items() if what == LIMIT)
    told.append(Goal("of the bare step's speed", mine / limit, 0.95))
    return told, left


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=tuple(PEERS), default=tuple(PEERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--switch-epochs", type=int, default=3)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    if min(told.epochs, told.switch_epochs) < 2:
        parser.error("the first epoch does not count: take 2 or more")
    return told


def main() -> int:
    told, bf16 = arguments(), has_bf16(torch.device("cpu"))
    if not told.photos.is_dir():
        print(f"no photographs to measure with: {told.photos} is absent", file=sys.stderr)
        return 1
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        measures = cases(told, Path(name), bf16, absent)
        found: dict[tuple[str, str], list[float]] = {case: [] for case in measures}
        for _ in range(told.repeat):
            for case, measure in measures.items():
                found[case].append(measure())
                print(f"  {', '.join(case)}: {found[case][-1]:.1f} images/s", file=sys.stderr)
        switched = switches(told, Path(name), bf16) if told.seeds else []
    speed = {case: statistics.median(rates) for case, rates in found.items()}
    rows: list[Row] = [
        {"what": what, "settings": settings, "images/s": value, "fledge/this": speed[FLEDGE, OWN] / value}
        for (what, settings), value in speed.items()
    ]
    rows += [{"what": peer, "settings": "not measured", "": why} for peer, why in absent.items()]
    table(f"{told.photos.name}: images/s after the first of {told.epochs} epochs, medians of {told.repeat}", rows)
    if switched:
        table(f"accuracy beside each switch, {told.switch_epochs} epochs", switched)
    reached, left = goals(speed)
    for line in left:
        print(f"\ngoal left out: {line}")
    every = {", ".join(case): rates for case, rates in found.items()}
    return finish(
        "throughput", {"rows": rows, "every": every, "switches": switched, "left out": left}, reached, told.results
    )


if __name__ == "__main__":
    sys.exit(main())
