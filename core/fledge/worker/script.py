"""The workload `script`: a person's own program, unchanged."""

import signal
import subprocess
import sys
from pathlib import Path

from fledge.errors import RunError
from fledge.interfaces.state import RunState
from fledge.runs.notice import Stopped
from fledge.runs.reporter import Reporter
from fledge.spec.script import ScriptSpec


def run_script(script: ScriptSpec, folder: Path, report: Reporter) -> None:
    """Execute it in the working folder (the snapshot); its output is the run's log.

    Its `outputs/` and `logs/` are the run's own, so that a run that is killed keeps what was
    written, and finds it there when it is resumed: a script is then started again.
    Raises RunError where it does not end with exit status 0.
    """
    for name in ("outputs", "logs"):
        kept = folder / name
        if not kept.is_symlink():
            # Real folders for the script, which may well remove and remake them; the run's are links to them.
            if Path(name).is_dir():
                # Killed between the two lines below, and started again.
                kept.rmdir()
            else:
                kept.rename(name)
            kept.symlink_to(Path(name).resolve(), target_is_directory=True)
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
