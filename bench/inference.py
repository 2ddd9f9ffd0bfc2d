"""Trained models outside of training: PyTorch, ONNX Runtime, `fledge predict` and `fledge serve`, side by side.

    python bench/inference.py [--photos DIR] [--weights FILE] [--repeat N] [--results DIR]

A head is trained on the photographs and exported in fp32 and int8. The engines are asked in one process, in turn, about
resident batches; predict labels 1,000 JPEGs, beside a script that does the same by hand; and 16 clients ask the server
for the same photographs, one a request.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from fledge.discovery.discover import discover
from fledge.exporting.restored import Restored
from fledge.interfaces.progress import no_progress
from fledge.runs.places import cache
from fledge_onnx.exporter import Onnx
from harness import PHOTOS, ROOT, WEIGHTS, Goal, finish, table, timed

FLEDGE = [sys.executable, "-m", "fledge"]
JPEGS, CLIENTS = 1000, 16
EAGER = "eager PyTorch"
# Seconds that an engine is asked at a stretch.
STRETCH = 2.0
Ask = Callable[[np.ndarray], Any]


def prepared(told: Any, folder: Path) -> tuple[Path, Path]:
    """(run's outputs with both exports, a folder of 1,000 photographs)."""
    settings = [f"dataset.root={told.photos}", f"model.weights={told.weights}", "training.mode=head"]
    words = [word for one in settings for word in ("--set", one)]
    home = str(folder / "home")
    timed(
        [*FLEDGE, "run", "--dataset", "imagefolder", "--model", "resnet18", "--with", "onnx", "--json", *words],
        FLEDGE_HOME=home,
    )
    timed([*FLEDGE, "export", "latest", "--precision", "int8"], FLEDGE_HOME=home)
    (run,) = (folder / "home" / "runs").iterdir()
    photos, found = folder / "photos", sorted(told.photos.rglob("*.jpg"))
    photos.mkdir()
    for number in range(JPEGS):
        shutil.copyfile(found[number % len(found)], photos / f"{number:04}.jpg")
    return run / "outputs", photos


def engines(outputs: Path) -> dict[str, Ask]:
    card = json.loads((outputs / "best.json").read_text())
    network = Restored.of(card, outputs / "best.safetensors", discover(), cache(), no_progress, print).network
    compiled = torch.compile(network)

    def of(module: Any) -> Ask:
        def ask(pixels: np.ndarray) -> Any:
            with torch.inference_mode():
                return module(torch.from_numpy(pixels)).numpy()

        return ask

    return {
        EAGER: of(network),
        "torch.compile": of(compiled),
        "ONNX Runtime, fp32": Onnx.open(outputs / "model.onnx"),
        "ONNX Runtime, int8": Onnx.open(outputs / "model-int8.onnx"),
    }


def stretch(ask: Ask, pixels: np.ndarray) -> list[float]:
    """Seconds of each answer."""
    times: list[float] = []
    until = time.perf_counter() + STRETCH
    while time.perf_counter() < until:
        began = time.perf_counter()
        ask(pixels)
        times.append(time.perf_counter() - began)
    return times


def compare_engines(asks: dict[str, Ask], batch: int, repeat: int) -> list[dict[str, Any]]:
    pixels = np.random.default_rng(0).integers(0, 256, (batch, 3, 224, 224), dtype=np.uint8)
    times: dict[str, list[float]] = {name: [] for name in asks}
    for ask in asks.values():
        ask(pixels)
    for _ in range(repeat):
        for name, ask in asks.items():
            times[name] += stretch(ask, pixels)
    eager = statistics.median(times[EAGER])
    return [
        {
            "engine": name,
            "batch": batch,
            "images/s": batch / statistics.median(seen),
            "p50 ms": 1e3 * statistics.median(seen),
            "p95 ms": 1e3 * float(np.percentile(seen, 95)),
            "of eager": eager / statistics.median(seen),
        }
        for name, seen in times.items()
    ]


@contextmanager
def server(model: Path) -> Iterator[str]:
    process = subprocess.Popen([*FLEDGE, "serve", model, "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process.stderr.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def crowd(url: str, photos: list[bytes]) -> tuple[float, list[float], int]:
    """(seconds for all, of each, how many had no answer): CLIENTS at once, each waiting for its answer."""
    times: list[float] = []
    errors = 0

    def client(mine: list[bytes]) -> None:
        nonlocal errors
        with httpx.Client(base_url=url, timeout=60) as asking:
            for content in mine:
                began = time.perf_counter()
                try:
                    done = asking.post("/predict", content=content, headers={"Content-Type": "image/jpeg"})
                    errors += done.status_code != 200
                except httpx.HTTPError:
                    errors += 1
                times.append(time.perf_counter() - began)

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, [photos[at::CLIENTS] for at in range(CLIENTS)]))
    return time.perf_counter() - began, times, errors


def whole(outputs: Path, photos: Path, repeat: int, eager: float) -> tuple[list[dict[str, Any]], int]:
    """eager: images a second of PyTorch on resident batches of 32, which decodes nothing."""
    model, rival = outputs / "model.onnx", ROOT / "bench" / "rivals" / "bare_predict.py"
    contents = [path.read_bytes() for path in sorted(photos.iterdir())]
    seconds: dict[str, list[float]] = {"decode + ONNX Runtime by hand": [], "fledge predict": [], "fledge serve": []}
    times: list[float] = []
    failed = 0
    with server(model) as url:
        crowd(url, contents[:CLIENTS])
        for _ in range(repeat):
            seconds["decode + ONNX Runtime by hand"].append(timed([sys.executable, rival, model, photos]).seconds)
            seconds["fledge predict"].append(timed([*FLEDGE, "predict", str(model), str(photos)]).seconds)
            took, each, errors = crowd(url, contents)
            seconds["fledge serve"].append(took)
            times += each
            failed += errors
    rows: list[dict[str, Any]] = [
        {"whole": name, "images/s": JPEGS / statistics.median(taken)} for name, taken in seconds.items()
    ]
    for row in rows:
        row["of by hand"] = row["images/s"] / rows[0]["images/s"]
        row["of eager"] = row["images/s"] / eager
    rows[-1] |= {"p50 ms": 1e3 * statistics.median(times), "p95 ms": 1e3 * float(np.percentile(times, 95))}
    return rows, failed


def first_answer(outputs: Path, photos: Path, repeat: int) -> list[dict[str, Any]]:
    cases: dict[str, list[str | Path]] = {
        "import onnxruntime, PIL": [sys.executable, "-c", "import onnxruntime, PIL"],
        "fledge predict, one photograph": [*FLEDGE, "predict", outputs / "model.onnx", photos / "0000.jpg"],
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(3 * repeat):
        for name, command in cases.items():
            times[name].append(timed(command).seconds)
    bare = statistics.median(times["import onnxruntime, PIL"])
    return [
        {"first answer": name, "s": statistics.median(taken), "ratio": statistics.median(taken) / bare}
        for name, taken in times.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    if not told.photos.is_dir():
        print(f"no photographs to measure with: {told.photos} is absent", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        outputs, photos = prepared(told, Path(temporary))
        exports = [json.loads(path.read_text()) for path in sorted(outputs.glob("*.parity.json"))]
        asks = engines(outputs)
        rows = [row for batch in (1, 32) for row in compare_engines(asks, batch, told.repeat)]
        eager = next(row["images/s"] for row in rows if row["engine"] == EAGER and row["batch"] == 32)
        wholes, failed = whole(outputs, photos, told.repeat, eager)
        firsts = first_answer(outputs, photos, told.repeat)
    table("exported files", [
        {"precision": one["precision"], "MB": one["size"] / 1e6, "accuracy": one["accuracy"]["exported"],
         "PyTorch's": one["accuracy"]["pytorch"], "agreement": one["top1_agreement"], "differs by": one["max_abs"]}
        for one in exports
    ])  # fmt: skip
    table("resident batches", rows)
    table(f"{JPEGS} JPEGs, start to end; the server's are asked for by {CLIENTS} clients", wholes)
    table("first answer", firsts)
    of = {(row["engine"], row["batch"]): row["of eager"] for row in rows}
    goals = [
        Goal("ONNX Runtime fp32, batch 1, of eager", of["ONNX Runtime, fp32", 1], 1.5),
        Goal("ONNX Runtime fp32, batch 32, of eager", of["ONNX Runtime, fp32", 32], 1.5),
        Goal("ONNX Runtime int8, batch 1, of eager", of["ONNX Runtime, int8", 1], 2.8),
        Goal("ONNX Runtime int8, batch 32, of eager", of["ONNX Runtime, int8", 32], 5),
        Goal("fledge predict, of by hand", wholes[1]["of by hand"], 0.9),
        Goal("fledge serve, of by hand", wholes[2]["of by hand"], 0.8),
        Goal("requests without an answer", failed, 0, at_least=False),
        Goal("first answer, of the imports", firsts[1]["ratio"], 3, at_least=False),
    ]
    told_all = {"exports": exports, "engines": rows, "whole": wholes, "first answer": firsts}
    return finish("inference", told_all, goals, told.results)


if __name__ == "__main__":
    raise SystemExit(main())
