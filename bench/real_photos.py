"""Accuracy and time of whole runs on real photographs: `fledge run` as a process, from start to saved model.

    python bench/real_photos.py [--photos DIR] [--weights FILE] [--repeat N] [--finetune]

DIR holds one folder a data set, each with train/ and val/. Prints a table, writes bench/results/real_photos.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import ROOT, SHARED, machine

TUTORIAL = ["lr=0.001", "momentum=0.9", "batch_size=4", "epochs=10", "schedule=step", "step_size=7", "gamma=0.1"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SHARED / "photos")
    parser.add_argument("--weights", type=Path, default=SHARED / "weights" / "resnet18-f37072fd.pth")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--finetune", action="store_true", help="also the tutorial's ten epochs (minutes)")
    told = parser.parse_args()
    if not told.photos.is_dir():
        print(f"no photographs to measure with: {told.photos} is absent", file=sys.stderr)
        return 1
    cases = {"head, 10 epochs": ["mode=head"], "head, 30 epochs": ["mode=head", "epochs=30"]}
    sets = ["hymenoptera", "birds"]
    rows = [
        measure(told, photos, name, settings)
        for _ in range(told.repeat)
        for photos in sets
        for name, settings in cases.items()
    ]
    if told.finetune:
        rows.append(measure(told, "hymenoptera", "tutorial, 10 epochs", TUTORIAL))
    report(rows)
    return 0


def measure(told: Any, photos: str, case: str, training: list[str]) -> dict[str, Any]:
    """One whole run in a new home; photographs have been looked at before, as they have in a person's second run."""
    words = [f"dataset.root={told.photos / photos}", f"model.weights={told.weights}"]
    words += [f"training.{setting}" for setting in training]
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "fledge", "run", "--dataset", "imagefolder", "--model", "resnet18", "--json"]
            + [word for setting in words for word in ("--set", setting)],
            env={**os.environ, "FLEDGE_HOME": home},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        seconds = time.perf_counter() - began
    metrics = json.loads(done.stdout.splitlines()[-1])["metrics"]
    row = {"photos": photos, "case": case, "seconds": seconds, "accuracy": metrics["best_val_accuracy"]}
    row["peak_memory_mb"] = metrics["peak_memory_mb"]
    print(f"  {photos} {case}: {seconds:.1f} s, {row['accuracy']:.1%}", file=sys.stderr)
    return row


def report(rows: list[dict[str, Any]]) -> None:
    keys = list(dict.fromkeys((row["photos"], row["case"]) for row in rows))
    print(f"{'photographs':14}{'case':22}{'runs':>5}{'median s':>10}{'best val':>10}{'peak MB':>9}   {machine()}")
    for photos, case in keys:
        mine = [row for row in rows if (row["photos"], row["case"]) == (photos, case)]
        seconds = statistics.median(row["seconds"] for row in mine)
        accuracy = statistics.median(row["accuracy"] for row in mine)
        memory = max(row["peak_memory_mb"] for row in mine)
        print(f"{photos:14}{case:22}{len(mine):5}{seconds:10.1f}{accuracy:10.1%}{memory:9.0f}")
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    (results / "real_photos.json").write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
