"""The workload `script`: a person's own program, unchanged."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from fledge.errors import RunError
from fledge.interfaces.launcher import Place
from fledge.interfaces.state import RunState
from fledge.runs.notice import Stopped
from fledge.runs.reporter import Reporter
from fledge.spec.script import ScriptSpec

_POLL_SECONDS = 0.02


def run_script(script: ScriptSpec, folder: Path, place: Place, report: Reporter) -> None:
    """Execute it in the working folder (the snapshot); its output is the run's log.

    Its `outputs/` and `logs/` are the run's own, so that a run that is killed keeps what was
    written, and finds it there when it is resumed: a script is then started again.
    Raises RunError where it does not end with exit status 0.
    """
    for name in ("outputs", "logs"):
        _link(folder / name, Path(name), place)
    report.stage(RunState.RUNNING)
    code = _execute([sys.executable, str(script.path), *script.args])
    report.stage(RunState.FINALIZING)
    for path in sorted(path for name in ("outputs", "logs") for path in (folder / name).rglob("*") if path.is_file()):
        report.artifact(path)
    if code < 0:
        raise RunError(f"{script.path} was killed by {_signal_name(-code)}")
    if code:
        raise RunError(
            f"{script.path} ended with exit status {code}",
            hint="it ran in a copy of its source folder, without what an ignore file names: "
            "what it reads from elsewhere needs an absolute path",
        )


def _link(kept: Path, own: Path, place: Place) -> None:
    """A real folder for the script, which may well remove and remake it; the run's is a link to it."""
    while place.local_rank and not kept.is_symlink():
        # One process of a node makes it for all.
        time.sleep(_POLL_SECONDS)
    if not kept.is_symlink():
        if own.is_dir():
            # The snapshot brought one, or it was killed between the two lines below. What was kept goes on top.
            shutil.copytree(kept, own, dirs_exist_ok=True)
            shutil.rmtree(kept)
        else:
            kept.rename(own)
        kept.symlink_to(own.resolve(), target_is_directory=True)


def _execute(argv: list[str]) -> int:
    """Its exit code. A notice is handed on: the script may save what it has while the backend waits."""
    process = None
    try:
        process = subprocess.Popen(argv)
        return process.wait()
    except Stopped:
        if process is not None:
            process.terminate()
            process.wait()
        raise


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
