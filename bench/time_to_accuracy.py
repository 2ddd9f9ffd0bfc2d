"""From nothing to a saved model: the tutorial's training, a bare script, and fledge, on the same photographs.

    python bench/time_to_accuracy.py [--photos DIR] [--weights FILE] [--repeat N] [--epochs N] [--results DIR]

Whole processes, from before they start until they are gone, in turn. fledge is measured as a person's first run, with
nothing in its cache, and as the second on the same photographs. --epochs shortens the trainings of all layers; their
time for 30 epochs is then reckoned from those, and said so.
"""

import argparse
import json
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import PHOTOS, ROOT, WEIGHTS, Goal, finish, table, timed

RIVALS = Path(__file__).parent / "rivals"
EPOCHS = 30
TUTORIAL = "tutorial, 30 epochs of all layers"
ALL_LAYERS = "fledge, 30 epochs of all layers"
BARE = "bare script, head"
FIRST = "fledge, head, first run"
SECOND = "fledge, head, second run"


def fledge(told: Any, folder: Path, cache: str, *training: str) -> dict[str, Any]:
    settings = [f"dataset.root={told.photos}", f"model.weights={told.weights}"]
    settings += [f"training.{one}" for one in training]
    words = [word for one in settings for word in ("--set", one)]
    done = timed(
        [sys.executable, "-m", "fledge", "run", "--dataset", "imagefolder", "--model", "resnet18", "--json", *words],
        FLEDGE_HOME=str(folder / "home"),
        XDG_CACHE_HOME=str(folder / cache),
    )
    metrics, epochs = done.told["metrics"], int(done.told["metrics"]["epochs"])
    journal = (folder / "home" / "runs" / done.told["run"] / "journal.jsonl").read_text().splitlines()
    told_of = [event["time"] for line in journal if (event := json.loads(line))["event"] == "metrics"]
    ends = [datetime.fromisoformat(moment).timestamp() for moment in told_of]
    return {"seconds": whole(done.seconds, ends), "accuracy": metrics["best_val_accuracy"], "epochs": epochs}


def whole(seconds: float, ends: list[float]) -> float:
    """A run's seconds; where it had fewer than 30 epochs, the rest added at the mean pace of those after the first."""
    pace = (ends[-1] - ends[0]) / max(1, len(ends) - 1)
    return seconds + pace * (EPOCHS - len(ends))


def tutorial(told: Any, folder: Path) -> dict[str, Any]:
    script = [sys.executable, RIVALS / "tutorial.py", told.photos, told.weights]
    done = timed([*script, "--epochs", str(told.epochs), "--model", folder / "tutorial.pt"])
    seconds = whole(done.seconds, done.told["epoch_ends"])
    return {
        "seconds": seconds,
        "accuracy": done.told["accuracy"],
        "reached": done.told["reached"],
        "epochs": told.epochs,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the tutorial, which runs once")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    if not told.photos.is_dir():
        print(f"no photographs to measure with: {told.photos} is absent", file=sys.stderr)
        return 1
    rows: dict[str, list[dict[str, Any]]] = {}

    def note(case: str, row: dict[str, Any]) -> None:
        rows.setdefault(case, []).append(row)
        print(f"  {case}: {row}", file=sys.stderr)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for turn in range(told.repeat):
            note(BARE, bare(told, folder))
            note(FIRST, fledge(told, folder, f"cache{turn}", "mode=head", f"epochs={EPOCHS}"))
            note(SECOND, fledge(told, folder, f"cache{turn}", "mode=head", f"epochs={EPOCHS}"))
        note(TUTORIAL, tutorial(told, folder))
        note(ALL_LAYERS, fledge(told, folder, "cache0", f"epochs={told.epochs}"))
    seconds = {case: statistics.median([one["seconds"] for one in found]) for case, found in rows.items()}
    accuracy = {case: statistics.median([one["accuracy"] for one in found]) for case, found in rows.items()}
    table(
        f"{told.photos.name}: whole processes, medians"
        + (
            ""
            if told.epochs == EPOCHS
            else f"; trainings of all layers ran for {told.epochs} epochs and are reckoned to {EPOCHS}"
        ),
        [{"what": case, "runs": len(rows[case]), "s": seconds[case], "accuracy": accuracy[case]} for case in rows],
    )
    goals = [
        Goal("head: faster than the whole tutorial", seconds[TUTORIAL] / seconds[FIRST], 80),
        Goal("head: time against the bare script", seconds[FIRST] / seconds[BARE], 1.15, at_least=False),
        Goal("all layers, as many samples: faster than the tutorial", seconds[TUTORIAL] / seconds[ALL_LAYERS], 2.5),
    ]
    if told.epochs == EPOCHS:
        # What it reaches in fewer is not what it would have reached.
        reached = rows[TUTORIAL][0]["reached"]
        goals.append(Goal("head: faster than the tutorial to its best", reached / seconds[FIRST], 40))
        goals.append(Goal("head: accuracy less the tutorial's", accuracy[FIRST] - accuracy[TUTORIAL], 0))
    again = seconds[TUTORIAL] / seconds[SECOND]
    print(f"\nthe second run on the same photographs: {again:.0f}x faster than the tutorial")
    return finish("time_to_accuracy", {"rows": rows, "tutorial epochs run": told.epochs}, goals, told.results)


def bare(told: Any, folder: Path) -> dict[str, Any]:
    done = timed([sys.executable, RIVALS / "bare_head.py", told.photos, told.weights, folder / "bare.pt"])
    return {"seconds": done.seconds, "accuracy": done.told["accuracy"], "epochs": EPOCHS}


if __name__ == "__main__":
    sys.exit(main())
