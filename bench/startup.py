"""How long it takes to start: commands that train nothing, and the way to the first step of a training.

    python bench/startup.py [--repeat N] [--peers [NAME ...]] [--photos DIR] [--weights FILE] [--results DIR]

Commands: seconds of the processor and of the clock, in turn, medians; every command has been called once before. The
bare program has as many commands as fledge, in as many groups, and a plugin manager. Peers are called by their own
programs for what is most like: their help, a list of what there is, and a run that is not started.

The first step: from before the process is made to the end of the first update of all weights of a ResNet-18, by a
batch of 32. fledge's is noted by an extension that ends the run there; "first run" is one with nothing in its cache.
The bound is held against the faster of two bare scripts.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from environments import LIGHTNING, environment, training
from harness import PHOTOS, ROOT, WEIGHTS, Goal, finish, table, timed

BENCH = Path(__file__).parent
RIVALS = BENCH / "rivals"
FLEDGE = [sys.executable, "-m", "fledge"]
HELP, BARE = "fledge --help", "bare Typer and pluggy program --help"
SAME, PLAIN = "bare script, bf16 and channels last", "bare script, fp32"
FIRST, SECOND = "fledge run, first run", "fledge run, second run"
FIT = "lightning, Trainer.fit"

PEERS: dict[str, Sequence[str]] = {
    "torchx": ["torchx==0.7.0"],
    "kedro": ["kedro==1.7.0"],
    # 3.18.0 needs an mlflow-skinny of its own version, which was not published when this was written.
    "mlflow": ["mlflow==3.17.2"],
    "lightning": training(LIGHTNING),
}
# Lightning has no program that works without further packages: measured is what every program with it pays.
COMMANDS: dict[str, list[list[str]]] = {
    "torchx": [
        ["torchx", "--help"],
        ["torchx", "builtins"],
        ["torchx", "run", "--dryrun", "-s", "local_cwd", "utils.sh", "ls"],
    ],
    "kedro": [["kedro", "--help"], ["kedro", "info"]],
    "mlflow": [["mlflow", "--help"], ["mlflow", "runs", "list", "--experiment-id", "0"]],
    "lightning": [["python", "-c", "import lightning"]],
}
MANY = 200
LIST, LIST_MANY = "fledge plugins list", f"fledge plugins list, {MANY} more plugins"
# A peer that calls home would be measured together with the network.
QUIET = {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}

Measured = dict[str, list[dict[str, float]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS), help="none where none is named")
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    os.environ.update(QUIET)
    peers, absent = installed(told.peers)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = measure_commands(peers, absent, told.repeat, folder)
        steps = measure_steps(told, peers, absent, folder) if told.photos.is_dir() and told.weights.is_file() else {}
    cpu = {what: median(rows, "cpu_s") for what, rows in commands.items()}
    table(
        "commands, medians; counts of commands: " + json.dumps(commands_of_fledge()),
        [{"command": what, "cpu s": cpu[what], "wall s": median(rows, "wall_s")} for what, rows in commands.items()]
        + [{"command": f"{what}: not measured: {reason}"} for what, reason in absent.items()],
    )
    goals = [Goal("fledge --help: CPU time against the bare program's", cpu[HELP] / cpu[BARE], 2, at_least=False)]
    goals.append(Goal(f"{LIST_MANY}: CPU time against none more", cpu[LIST_MANY] / cpu[LIST], 1.5, at_least=False))
    if steps:
        wall = {what: median(rows, "wall_s") for what, rows in steps.items()}
        bare = min(wall[SAME], wall[PLAIN])
        table(
            f"seconds to the end of the first step, on {told.photos.name}, medians",
            [{"what": what, "runs": len(steps[what]), "s": s, "x bare": s / bare} for what, s in wall.items()],
        )
        goals.append(
            Goal("first step, second run: time against a bare script's", wall[SECOND] / bare, 1.5, at_least=False)
        )
        goals.append(
            Goal("first step, first run: time against a bare script's", wall[FIRST] / bare, 1.5, at_least=False)
        )
    else:
        print(f"\nfirst step: not measured: {told.photos} or {told.weights} is absent")
    return finish("startup", {"commands": commands, "first_step": steps, "not measured": absent}, goals, told.results)


def installed(names: Sequence[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """The peers' environments by name; and of those that cannot be had, why."""
    peers, absent = {}, {}
    for name in names:
        try:
            peers[name] = environment(name, PEERS[name])
        except RuntimeError as error:
            absent[name] = str(error)
    return peers, absent


def works(what: str, absent: dict[str, str], measure: Callable[[], object]) -> bool:
    """Whether a peer does what it is to be measured at; if not, `absent` is told why."""
    try:
        measure()
    except RuntimeError as error:
        absent[what] = str(error).strip().splitlines()[-1]
        return False
    return True


def measure_commands(peers: dict[str, Path], absent: dict[str, str], repeat: int, folder: Path) -> Measured:
    photos = folder / "photos"
    for kind in ("ants", "bees"):
        (photos / kind).mkdir(parents=True)
    plan = ["--dataset", "imagefolder", "--set", f"dataset.root={photos}", "--model", "resnet18", "--dry-run"]
    words: dict[str, list[str | Path]] = {
        HELP: [*FLEDGE, "--help"],
        BARE: [sys.executable, RIVALS / "bare_cli.py", json.dumps(commands_of_fledge()), "--help"],
        "fledge runs list": [*FLEDGE, "runs", "list"],
        LIST: [*FLEDGE, "plugins", "list"],
        LIST_MANY: [*FLEDGE, "plugins", "list"],
        "fledge run --dry-run": [*FLEDGE, "run", *plan],
    }

    many = {"PYTHONPATH": str(put_many(folder / "many"))}

    def call(what: str) -> dict[str, float]:
        more = many if what == LIST_MANY else {}
        done = timed(words[what], folder=folder, status=0, FLEDGE_HOME=str(folder / "home"), **more)
        return {"cpu_s": done.cpu_seconds, "wall_s": done.seconds}

    # The first call writes bytecode, and whatever a program keeps of it.
    for what in words:
        call(what)
    for peer, made in peers.items():
        for program, *rest in COMMANDS[peer]:
            what = " ".join([program, *rest])
            words[what] = [made / "bin" / program, *rest]
            if not works(what, absent, partial(call, what)):
                del words[what]
    rows: Measured = {what: [] for what in words}
    for _ in range(repeat):
        for what in words:
            rows[what].append(call(what))
    return rows


def commands_of_fledge() -> dict[str, int]:
    """How many commands there are in each group; under "" those in none."""
    from fledge.cli.app import app

    groups = {group.name or "": group.typer_instance for group in app.registered_groups}
    return {
        "": len(app.registered_commands),
        **{name: len(one.registered_commands) for name, one in groups.items() if one},
    }


def measure_steps(told: Any, peers: dict[str, Path], absent: dict[str, str], folder: Path) -> Measured:
    data = [told.photos.resolve(), told.weights.resolve()]
    script = [sys.executable, RIVALS / "first_step.py", *data]
    cases: dict[str, Callable[[int], float]] = {
        SAME: lambda turn: printed(script),
        PLAIN: lambda turn: printed([*script, "--fp32"]),
        FIRST: lambda turn: watched(data, folder, turn),
        SECOND: lambda turn: watched(data, folder, turn),
    }
    put_watch(folder / "watch")
    # Whoever comes first would read torch from the disk, for all others.
    printed(script)
    if "lightning" in peers:
        fit = partial(printed, [peers["lightning"] / "bin" / "python", "-m", "rivals.first_step_lightning", *data])
        if works(FIT, absent, fit):
            cases[FIT] = lambda turn: fit()
    rows: Measured = {what: [] for what in cases}
    for turn in range(told.repeat):
        for what, measure in cases.items():
            rows[what].append({"wall_s": measure(turn)})
            print(f"  {what}: {rows[what][-1]['wall_s']:.2f} s", file=sys.stderr)
    return rows


def printed(command: Sequence[str | Path]) -> float:
    """Seconds until the time of day that a script prints."""
    began = time.time()
    return float(timed(command, folder=BENCH).told["first_step"]) - began


def watched(data: Sequence[Path], folder: Path, turn: int) -> float:
    """Seconds until the time of day that the extension has noted."""
    photos, weights = data
    noted = folder / "noted"
    settings = (f"dataset.root={photos}", f"model.weights={weights}")
    words = [word for one in settings for word in ("--set", one)]
    began = time.time()
    timed(
        [*FLEDGE, "run", "--dataset", "imagefolder", "--model", "resnet18", "--with", "step-watch", *words],
        # The extension ends it by an error, as soon as it has seen enough.
        status=1,
        folder=folder,
        PYTHONPATH=str(folder / "watch"),
        STEP_WATCH_FILE=str(noted),
        FLEDGE_HOME=str(folder / "home"),
        XDG_CACHE_HOME=str(folder / f"cache{turn}"),
    )
    seconds = float(noted.read_text()) - began
    noted.unlink()
    return seconds


def put_watch(site: Path) -> None:
    """Have the extension be an installed plugin to whoever has `site` on PYTHONPATH."""
    told = site / "step_watch-1.dist-info"
    told.mkdir(parents=True)
    shutil.copy(RIVALS / "step_watch.py", site)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: step-watch\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[fledge]\nstep-watch = step_watch\n")


def put_many(site: Path) -> Path:
    """Have MANY further plugins be installed to whoever has the folder on PYTHONPATH."""
    for number in range(MANY):
        name = f"many{number}"
        package, told = site / f"fledge_{name}", site / f"fledge_{name}-1.dist-info"
        package.mkdir(parents=True)
        told.mkdir()
        offer = f"Offer({name!r}, 'fledge_{name}.dataset:Many', summary='one of many')"
        hook = f"@hookimpl\ndef fledge_datasets() -> list[Offer]:\n    return [{offer}]\n"
        (package / "__init__.py").write_text("from fledge import Offer, hookimpl\n\n\n" + hook)
        readme = "What it is for, and how.\n" * 100
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fledge-{name}\nVersion: 1\n\n{readme}")
        (told / "entry_points.txt").write_text(f"[fledge]\n{name} = fledge_{name}\n")
    return site


def median(rows: Sequence[dict[str, float]], key: str) -> float:
    return statistics.median(row[key] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
