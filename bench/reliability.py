"""Whether runs can be lost: kills, a queue, and a long list, counted and timed through the command itself.

    python bench/reliability.py [--kills N] [--runs N] [--listed N] [--seed N] [--results DIR]

Trains a small network (tests/sample_plugin) on this machine. Prints a table, writes bench/results/reliability.json;
exit status 1 where a bound is missed: every killed run resumes to the weights of the one that was left alone, no run
is in a wrong state, no process is left over, a queue of 4 slots serves all, and `fledge runs list` stays within 3x.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil
from harness import ROOT, machine

SETTINGS = (
    "dataset.train=100", "training.epochs=6", "training.batch_size=8", "training.device=cpu",
    "training.optimizer=adamw", "training.lr=0.003", "training.checkpoint_every=5", "backend.slots=4",
)  # fmt: skip
LISTINGS = 7


class Person:
    """Calls fledge in a folder, with the sample plugin installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        site = folder / "site"
        install = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--target"]
        subprocess.run([sys.executable, *install, site, ROOT / "tests" / "sample_plugin"], check=True)
        self.environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
        self.environment |= {"FLEDGE_HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache")}

    def __call__(self, *words: str) -> dict[str, Any]:
        """The last line of its JSON."""
        command = [sys.executable, "-m", "fledge", *words, "--json"]
        where: dict[str, Any] = {"cwd": self.folder, "env": self.environment}
        done = subprocess.run(command, check=False, capture_output=True, text=True, **where)
        if not done.stdout:
            raise RuntimeError(f"{' '.join(words)}: exit status {done.returncode}: {done.stderr}")
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    def train(self, *more: str) -> dict[str, Any]:
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        return self("run", "--dataset", "dots", "--model", "tiny", *settings, *more)

    def strays(self, run: str) -> int:
        return sum(_belongs(process, run) for process in psutil.process_iter())


def _belongs(process: psutil.Process, run: str) -> bool:
    try:
        return bool(process.environ().get("FLEDGE_RUN_ID") == run and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def kills(person: Person, count: int, seed: int) -> dict[str, Any]:
    """SIGKILL for all of a run's processes, or for its worker alone, at a random moment of its life; then resume."""
    chance = random.Random(seed)
    lives = []
    # Twice, because the first of all brings torch from the disk.
    for _ in range(2):
        began = time.monotonic()
        wanted = person.train()["weights_sha256"]
        lives.append(time.monotonic() - began)
    life = min(lives)
    result = {"kills": 0, "resumes": 0, "equal hashes": 0, "wrong states": 0, "orphans": 0}
    while result["kills"] < count:
        run = person.train("--set", f"training.workers={result['kills'] % 2 * 2}", "--detach")["run"]
        time.sleep(chance.uniform(0, life))
        shown = person("runs", "show", run)
        if shown["state"] == "COMPLETED":
            # It was quicker than its moment came.
            continue
        _kill(person, run, shown["pid"], chance)
        result["kills"] += 1
        state = person("runs", "show", run)["state"]
        # One that had just said its last word is not lost, and there is nothing to resume.
        result["wrong states"] += state not in ("LOST", "COMPLETED")
        result["orphans"] += person.strays(run)
        result["resumes"] += state == "COMPLETED" or person("runs", "resume", run, "--detach")["run"] == run
        while (shown := person("runs", "show", run))["state"] in ("QUEUED", "PREPARING", "RUNNING", "FINALIZING"):
            time.sleep(0.2)
        result["wrong states"] += shown["state"] != "COMPLETED"
        result["equal hashes"] += shown["weights_sha256"] == wanted
        print(f"  {result['kills']} kills, {result['equal hashes']} equal", file=sys.stderr)
    return result


def _kill(person: Person, run: str, pid: int, chance: random.Random) -> None:
    running = Path(person.environment["FLEDGE_HOME"], "runs", run, "running.json")
    worker = chance.random() < 0.5 and running.exists()
    try:
        if worker:
            os.kill(json.loads(running.read_text())["pid"], signal.SIGKILL)
        else:
            os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        return
    deadline = time.monotonic() + 10
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{run}: its supervisor {pid} outlived the kill by 10 s")
            time.sleep(0.05)


def queue(person: Person, count: int) -> dict[str, Any]:
    """All submitted as fast as they can be, into 4 slots; how many worked at once is read off their journals."""
    with ThreadPoolExecutor(2) as pool:
        runs = [told["run"] for told in pool.map(lambda _: person.train("--detach"), range(count))]
    queued = 0
    while True:
        states = [person("runs", "show", run)["state"] for run in runs]
        queued = max(queued, states.count("QUEUED"))
        if not any(state in ("QUEUED", "PREPARING", "RUNNING", "FINALIZING") for state in states):
            break
    changes = [change for run in runs for change in _worked(person, run)]
    at_once = list(accumulate(step for _, step in sorted(changes)))
    return {"runs": count, "completed": states.count("COMPLETED"), "most queued": queued, "most at once": max(at_once)}


def _worked(person: Person, run: str) -> list[tuple[str, int]]:
    """When a run's worker said its first word (+1) and its last (-1)."""
    journal = Path(person.environment["FLEDGE_HOME"], "runs", run, "journal.jsonl")
    states = [event for line in journal.read_text().splitlines() if (event := json.loads(line))["event"] == "state"]
    return [(states[0]["time"], 1), (states[-1]["time"], -1)]


def listing(person: Person, count: int) -> dict[str, Any]:
    """Medians of `fledge runs list` with 10 runs and with many, interleaved."""
    few, many = person.folder / "few", person.folder / "many"
    sample = Path(person.environment["FLEDGE_HOME"], "runs", person.train()["run"])
    texts = {name: (sample / name).read_text() for name in ("state.json", "plan.json", "spec.toml", "journal.jsonl")}
    for home, size in ((few, 10), (many, count)):
        for number in range(size):
            name = f"20250101-{number // 3600 % 24:02}{number // 60 % 60:02}{number % 60:02}-{number % 1000:03}abcd"
            folder = home / "runs" / name
            folder.mkdir(parents=True, exist_ok=True)
            for file, text in texts.items():
                (folder / file).write_text(text.replace(sample.name, name))
    seconds: dict[Path, list[float]] = {few: [], many: []}
    for _ in range(LISTINGS):
        for home, times in seconds.items():
            began = time.perf_counter()
            command = [sys.executable, "-m", "fledge", "runs", "list"]
            subprocess.run(command, env={**person.environment, "FLEDGE_HOME": str(home)}, stdout=-3, check=True)
            times.append(time.perf_counter() - began)
    short, long = (statistics.median(times) for times in seconds.values())
    return {"runs": count, "seconds at 10": round(short, 3), "seconds": round(long, 3), "ratio": round(long / short, 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--listed", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        person = Person(Path(folder))
        killed = kills(person, told.kills, told.seed)
        queued = queue(person, told.runs)
        listed = listing(person, told.listed)
    bounds = {
        "every kill is followed by a resume": killed["resumes"] == killed["kills"],
        "every hash is equal": killed["equal hashes"] == killed["kills"],
        "no run in a wrong state": killed["wrong states"] == 0,
        "no orphan process": killed["orphans"] == 0,
        "every queued run completes": queued["completed"] == queued["runs"],
        "QUEUED is seen, and never more than 4 at once": queued["most queued"] > 0 and queued["most at once"] <= 4,
        "the list stays within 3x": listed["ratio"] <= 3,
    }
    parts = {"kills": killed, "queue": queued, "listing": listed}
    for name, part in parts.items():
        print(f"{name:10}" + ", ".join(f"{key} {value}" for key, value in part.items()))
    for name, kept in bounds.items():
        print(f"{'kept' if kept else 'MISSED':10}{name}")
    told.results.mkdir(exist_ok=True)
    told_all = {"machine": machine(), "seed": told.seed, **parts, "bounds": bounds}
    (told.results / "reliability.json").write_text(json.dumps(told_all, indent=1))
    return 0 if all(bounds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
