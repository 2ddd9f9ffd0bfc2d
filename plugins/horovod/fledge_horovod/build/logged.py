"""A command whose whole output goes to a file, and whose stage is read from there."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from fledge_horovod.build.display import Display

_EVERY_SECONDS = 0.2
# What pip, Horovod's setup.py and CMake print when they come to something.
_STAGES = (
    (re.compile(r"^\s*(Collecting|Downloading) (?P<what>[A-Za-z]\w*)"), "fetching {what}"),
    (re.compile(r"^\s*Running CMake in"), "configuring"),
    (re.compile(r"^\s*\[ *(?P<percent>\d+)%\]"), "compiling"),
    (re.compile(r"^\s*adding 'horovod/"), "packing the wheel"),
)


def run_logged(command: list[str], environment: dict[str, str], log: Path, display: Display) -> int:
    """Runs it, appends what it prints to `log`, and returns its exit status. It ends with us, with all it started."""
    with log.open("ab") as out, log.open(encoding="utf-8", errors="replace") as told:
        out.write(f"$ {' '.join(command)}\n".encode())
        out.flush()
        told.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            stage, detail = "", ""
            while (status := process.poll()) is None:
                for line in told:
                    stage, detail = _stage(line) or (stage, detail)
                if stage:
                    display.at(stage, detail)
                time.sleep(_EVERY_SECONDS)
            return status
        finally:
            # Compilers outlive the pip that started them.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _stage(line: str) -> tuple[str, str] | None:
    for pattern, stage in _STAGES:
        if found := pattern.match(line):
            parts = found.groupdict()
            return stage.format(**parts), f": {parts['percent']} %" if "percent" in parts else ""
    return None
