"""What is uploaded for a job, made by hand, and its node program executed as the service executes it."""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fledge_azureml_node
import psutil

COMMAND = "python -m fledge_azureml_node"
# What the service tells a rank of PyTorch.
PYTORCH = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.4", "MASTER_PORT": "6105"}
# Of the same node.
FIRST = PYTORCH | {"RANK": "2", "LOCAL_RANK": "0"}
# What a job's code begins with to find where it keeps.
RUN_DIR = "import os, pathlib, signal, sys, time\nrun = pathlib.Path(os.environ['FLEDGE_RUN_DIR'])\n"


def upload(folder: Path, code: str | None = None, files: dict[str, str] | None = None, **job: Any) -> Path:
    """The uploaded folder of a job that executes `code`, or the argv that is told, with these files in its snapshot."""
    shutil.copytree(Path(fledge_azureml_node.__file__).parent, folder / "fledge_azureml_node")
    (folder / ".fledge-azureml" / "wheels").mkdir(parents=True)
    told = {"argv": ["python", "-c", code], "environment": {}, "requirements": [], "grace": 30, "run": "one",
            "processes_per_node": 1, "nodes": 1, "modes": {},
            "preemptible": False, **job}  # fmt: skip
    (folder / ".fledge-azureml" / "job.json").write_text(json.dumps(told))
    for name, content in (files or {}).items():
        (folder / "snapshot" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "snapshot" / name).write_text(content)
    return folder


def wheel(folder: Path, name: str, version: str, *, data: bool = False) -> None:
    """A wheel of one module, which lies where installers have to look for it."""
    inner = f"{name}-{version}.data/purelib/" if data else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{inner}{name}/__init__.py", "where = 'the wheel'")
        told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for part, content in {"METADATA": told, "WHEEL": tag, "RECORD": ""}.items():
            archive.writestr(f"{name}-{version}.dist-info/{part}", content)


@dataclass
class Rank:
    """The node program of one rank. What it prints is in `log`."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def start(
        cls,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        *,
        kept: Path | None = None,
        data: Path | None = None,
        number: int = 0,
        words: Sequence[str] = (),
        command: Sequence[str] = ("-m", "fledge_azureml_node"),
        python: str | Path = sys.executable,
    ) -> "Rank":
        log = folder / f"log-{number}.txt"
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("FLEDGE_", "PYTEST_"))}
        mounts = [word for name, at in (("--kept", kept), ("--data", data)) if at for word in (name, str(at))]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(python), *command, *mounts, *words],
                cwd=folder,
                env={**outside, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(process, log)

    def said(self) -> str:
        return self.log.read_text()

    def ended(self) -> int:
        return self.process.wait()

    def vanish(self) -> None:
        """With all that it has started, as a machine that goes away: nobody has time for a word."""
        offspring = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        for process in offspring:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.ended()


def run(
    folder: Path,
    variables: Mapping[str, str] | None = None,
    *,
    kept: Path | None = None,
    data: Path | None = None,
    words: Sequence[str] = (),
    python: str | Path = sys.executable,
) -> tuple[int, str]:
    """Its exit status, and what it printed."""
    rank = Rank.start(folder, variables, kept=kept, data=data, words=words, python=python)
    return rank.ended(), rank.said()


def until(holds: Callable[[], bool]) -> None:
    """The test's own limit ends what never comes true."""
    while not holds():
        time.sleep(0.02)


def free(lock: Path) -> bool:
    """Whether nobody holds it any more: a process's lock is gone with it, however it went."""
    import fcntl

    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
