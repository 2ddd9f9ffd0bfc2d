"""One training in one process and in two: fledge's launchers beside plain scripts, and what the gradients cost.

    python bench/distributed.py [--photos DIR] [--weights FILE] [--images N] [--repeat N] [--epochs N] [--results DIR]

All layers of a ResNet-18 on --images photographs a class, batches of 32 over all processes, without a GPU: one process
of two threads, and two of one thread, through torchrun and through Horovod; each by fledge, and by the script that a
person writes by hand. Whole processes in turn, --repeat times; of each the epochs after the first, without validation.

The bytes are those that cross the loopback interface in an epoch of fledge's, a step and a process.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness import PHOTOS, ROOT, WEIGHTS, Goal, finish, table, timed

BATCH = 32
BIN = Path(sys.executable).parent
ONE, TORCHRUN, HOROVOD = "1 process x 2 threads", "2 x 1, torchrun", "2 x 1, horovod"
LAUNCHERS = {ONE: ("single", 1), TORCHRUN: ("torchrun", 2), HOROVOD: ("horovod", 2)}
STARTERS: dict[str, list[str | Path]] = {
    ONE: [sys.executable],
    TORCHRUN: [BIN / "torchrun", "--standalone", "--nproc-per-node", "2"],
    HOROVOD: [BIN / "horovodrun", "-np", "2", "--gloo", sys.executable],
}
ENGINES = {ONE: "none", TORCHRUN: "ddp", HOROVOD: "horovod"}


def subset(photos: Path, folder: Path, images: int) -> Path:
    """The first photographs of each class: to train on, and a few to validate."""
    for split, count in (("train", images), ("val", 8)):
        for kind in sorted((photos / split).iterdir()):
            (folder / split / kind.name).mkdir(parents=True)
            for path in sorted(kind.iterdir())[:count]:
                shutil.copy(path, folder / split / kind.name)
    return folder


def threads(case: str) -> str:
    return str(max(1, (os.cpu_count() or 2) // LAUNCHERS[case][1]))


def fledge(case: str, photos: Path, told: Any, home: Path) -> tuple[list[float], float]:
    """Images a second of each epoch, and the bytes over loopback a step and a process."""
    launcher, processes = LAUNCHERS[case]
    settings = {
        "dataset.root": photos, "model.weights": told.weights, "training.epochs": told.epochs,
        "training.batch_size": BATCH, "training.lr": 0.001, "training.precision": "fp32",
        "training.schedule": "constant", "launcher.name": launcher, "launcher.processes": processes,
    }  # fmt: skip
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    before = over_loopback()
    run = ["run", "--dataset", "imagefolder", "--model", "resnet18", "--json", *words]
    done = timed(
        [sys.executable, "-m", "fledge", *run],
        FLEDGE_HOME=str(home),
        XDG_CACHE_HOME=str(home / "cache"),
        OMP_NUM_THREADS=threads(case),
    )
    sent = over_loopback() - before
    journal = (home / "runs" / done.told["run"] / "journal.jsonl").read_text().splitlines()
    rates = [e["values"]["images_per_second"] for e in map(json.loads, journal) if e["event"] == "metrics"]
    images = sum(1 for _ in (photos / "train").rglob("*.jpg"))
    steps = told.epochs * -(-images // BATCH)
    return rates, sent / steps / processes


def plain(case: str, photos: Path, told: Any) -> list[float]:
    words = ["-m", "rivals.plain", photos, told.weights, "--epochs", str(told.epochs), "--engine", ENGINES[case]]
    out = timed([*STARTERS[case], *words], PYTHONPATH=str(ROOT / "bench"), OMP_NUM_THREADS=threads(case)).out
    # Both starters put something of their own before or behind what rank 0 prints.
    found = re.search(r"\{\"images_per_second.*\}", out)
    assert found is not None, out
    rates: list[float] = json.loads(found.group())["images_per_second"]
    return rates


def over_loopback() -> int:
    """Bytes so far; 0 where the system does not tell."""
    counters = Path("/proc/net/dev")
    lines = counters.read_text().splitlines() if counters.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.strip().startswith("lo:"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    if not told.photos.is_dir():
        print(f"no photographs to measure with: {told.photos} is absent", file=sys.stderr)
        return 1
    cases = [case for case in LAUNCHERS if case != HOROVOD or find_spec("horovod")]
    if HOROVOD not in cases:
        print("Horovod is left out: it is not built here (python -m fledge_horovod.build)", file=sys.stderr)
    rates: dict[tuple[str, str], list[float]] = {(case, by): [] for case in cases for by in ("fledge", "by hand")}
    sent: dict[str, list[float]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as name:
        photos = subset(told.photos, Path(name) / "photos", told.images)
        for _ in range(told.repeat):
            for case in cases:
                seen, bytes_ = fledge(case, photos, told, Path(name) / "home")
                rates[case, "fledge"] += seen[1:]
                rates[case, "by hand"] += plain(case, photos, told)[1:]
                sent[case].append(bytes_)
                print(f"  {case}: {rates[case, 'fledge'][-1]:.2f}, {rates[case, 'by hand'][-1]:.2f}", file=sys.stderr)
    speed = {key: statistics.median(seen) for key, seen in rates.items()}
    size = _model_bytes(told.weights)
    rows: list[dict[str, Any]] = [
        {
            "processes": case,
            "fledge, images/s": speed[case, "fledge"],
            "by hand": speed[case, "by hand"],
            "of by hand": speed[case, "fledge"] / speed[case, "by hand"],
            "of one process": speed[case, "fledge"] / speed[ONE, "fledge"],
            "MB a step": statistics.median(sent[case]) / 1e6,
            "of the model": statistics.median(sent[case]) / size,
        }
        for case in cases
    ]
    table(f"{told.photos.name}, {told.images} a class: epochs after the first of {told.epochs}", rows)
    goals = [Goal(f"{row['processes']}: speed of one process", row["of one process"], 0.9) for row in rows[1:]]
    goals += [Goal(f"{row['processes']}: speed of by hand", row["of by hand"], 0.98) for row in rows]
    goals += [
        Goal(f"{row['processes']}: bytes, of the model", row["of the model"], 1.1, at_least=False) for row in rows[1:]
    ]
    every = {f"{case}, {by}": seen for (case, by), seen in rates.items()}
    return finish("distributed", {"rows": rows, "every": every}, goals, told.results)


def _model_bytes(weights: Path) -> int:
    import torch

    tensors = torch.load(weights, weights_only=True)
    # The head is another one, of two classes.
    return sum(one.numel() * 4 for name, one in tensors.items() if not re.search(r"running_|num_batches|^fc\.", name))


if __name__ == "__main__":
    sys.exit(main())
