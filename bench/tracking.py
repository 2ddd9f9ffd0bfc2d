"""What looking back costs at scale, and what a tracker costs the training.

    python bench/tracking.py [--points N] [--listed N] [--repeat N] [--epochs N] [--photos DIR] [--weights FILE]
                             [--results DIR]

A journal of --points metric points, one an event: read in a process of its own, and made a report of. A home of
--listed runs: listed, and searched. And all layers of a ResNet-18 trained with MLflow (its sqlite file) and without, in
turn, --repeat times: images a second of the later half of the epochs, without validation, for MLflow's own start takes
processor seconds of the first ones; and the whole command, with all of that.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import PHOTOS, ROOT, WEIGHTS, Goal, finish, table, timed

FLEDGE = [sys.executable, "-m", "fledge"]
ALONE, TRACKED = "no tracker", "mlflow"
# Prints seconds and the most memory that it held, in 10^6 bytes; what is imported does not count.
READS = """
import resource, sys, time
from pathlib import Path
from fledge.reporting.reading import Reading
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
reading = Reading(Path(sys.argv[1]))
reading.update()
seconds = time.perf_counter() - began
points = sum(series.count for series in reading.series.values())
kept = sum(len(series.points()[0]) for series in reading.series.values())
import json
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e6
print(json.dumps({"seconds": seconds, "points": points, "kept": kept, "MB more": grown}))
"""


def a_run(home: Path) -> Path:
    """The folder of a short script's run, for its journal to be made longer, or its folder copied."""
    (home / "s.py").write_text("print('hello')")
    done = timed([*FLEDGE, "run", "--script", home / "s.py", "--json"], folder=home, FLEDGE_HOME=str(home))
    return home / "runs" / str(done.told["run"])


def long_journal(run: Path, points: int) -> None:
    journal = run / "journal.jsonl"
    before = journal.read_text().splitlines(keepends=True)
    names = ("train_loss", "val_loss", "lr", "grad_norm")
    with journal.open("w") as file:
        file.writelines(before[:-1])
        for number in range(points):
            step, name = divmod(number, len(names))
            told = {
                "time": "2026-11-27T00:00:00.000+00:00",
                "event": "metrics",
                "values": {names[name]: 1 / (1 + step)},
            }
            file.write(json.dumps({**told, "step": step}) + "\n")
        file.write(before[-1])


def reading(told: Any, folder: Path) -> dict[str, Any]:
    run = a_run(folder)
    long_journal(run, told.points)
    found = [timed([sys.executable, "-c", READS, run]).told for _ in range(told.repeat)]
    report = [*FLEDGE, "report", run.name, "-o", str(folder / "report.html")]
    seconds = [timed(report, folder=folder, FLEDGE_HOME=str(folder)).seconds for _ in range(told.repeat)]
    assert all(one["points"] == told.points for one in found)
    return {
        "points": told.points,
        "journal MB": (run / "journal.jsonl").stat().st_size / 1e6,
        "s to read": statistics.median(one["seconds"] for one in found),
        "s per 10^6": statistics.median(one["seconds"] for one in found) * 1e6 / told.points,
        "MB more": max(one["MB more"] for one in found),
        "points kept": found[0]["kept"],
        "s, fledge report": statistics.median(seconds),
        "MB, its page": (folder / "report.html").stat().st_size / 1e6,
    }


def listing(told: Any, folder: Path) -> list[dict[str, Any]]:
    first = a_run(folder)
    texts = {name: (first / name).read_text() for name in ("state.json", "plan.json", "journal.jsonl")}
    for number in range(told.listed - 1):
        name = f"20200101-{number // 3600 % 24:02}{number // 60 % 60:02}{number % 60:02}-{number % 1000:03}abcd"
        run = folder / "runs" / name
        run.mkdir()
        for file, text in texts.items():
            (run / file).write_text(text.replace(first.name, run.name))
    cases: Mapping[str, list[str]] = {
        "runs list": [],
        "runs list --where state=FAILED": ["--where", "state=FAILED"],
        "runs list --sort -created": ["--sort", "-created"],
        "runs list --where script.path~s.py": ["--where", "script.path~s.py"],
    }
    rows = []
    for name, words in cases.items():
        command = [*FLEDGE, "runs", "list", *words]
        taken = [timed(command, folder=folder, FLEDGE_HOME=str(folder)).seconds for _ in range(told.repeat)]
        rows.append({"command": name, "runs": told.listed, "s": statistics.median(taken)})
    return rows


def loop(told: Any, folder: Path) -> list[dict[str, Any]]:
    settings = {
        "dataset.root": told.photos, "model.weights": told.weights, "training.epochs": told.epochs,
        "training.batch_size": 32, "training.lr": 0.001, "training.precision": "fp32",
    }  # fmt: skip
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    run = [*FLEDGE, "run", "--dataset", "imagefolder", "--model", "resnet18", "--json", *words]
    uri = f"sqlite:///{folder}/mlflow.db"
    cases = {ALONE: run, TRACKED: [*run, "--tracker", "mlflow", "--set", f"trackers.mlflow.uri={uri}"]}
    rates: dict[str, list[float]] = {name: [] for name in cases}
    whole: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(told.repeat):
        for name, command in cases.items():
            done = timed(command, folder=folder, FLEDGE_HOME=str(folder), XDG_CACHE_HOME=str(folder / "cache"))
            lines = (folder / "runs" / done.told["run"] / "journal.jsonl").read_text().splitlines()
            seen = [e["values"]["images_per_second"] for e in map(json.loads, lines) if e["event"] == "metrics"]
            rates[name] += seen[len(seen) // 2 :]
            whole[name].append(done.seconds)
            print(f"  {name}: {rates[name][-1]:.2f} images/s", file=sys.stderr)
    base = statistics.median(rates[ALONE])
    return [
        {
            "tracker": name,
            "images/s": statistics.median(rates[name]),
            "of none": statistics.median(rates[name]) / base,
            "s, whole command": statistics.median(whole[name]),
        }
        for name in cases
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--listed", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    parts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for part in (reading, listing):
            folder = Path(name) / part.__name__
            folder.mkdir()
            parts[part.__name__] = part(told, folder)
        if told.photos.is_dir():
            folder = Path(name) / "loop"
            folder.mkdir()
            parts["loop"] = loop(told, folder)
        else:
            print(f"no training is measured: {told.photos} is absent", file=sys.stderr)
    table("one journal", [parts["reading"]])
    table("many runs", parts["listing"])
    goals = [
        Goal("seconds to read 10^6 points", parts["reading"]["s per 10^6"], 2, at_least=False),
        Goal("MB that reading them takes", parts["reading"]["MB more"], 100, at_least=False),
    ]
    if "loop" in parts:
        table("the loop", parts["loop"])
        goals.append(Goal("speed of the loop with MLflow", parts["loop"][1]["of none"], 0.99))
    return finish("tracking", parts, goals, told.results)


if __name__ == "__main__":
    raise SystemExit(main())
