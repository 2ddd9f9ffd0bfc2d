"""Node: the actor that runs a job's command on one node."""

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ray
from packaging.requirements import Requirement

from fledge_ray_cluster import keeper
from fledge_ray_cluster.storage import Storage, read

_CHUNK = 1 << 20
_PATIENCE_SECONDS = 0.5
# Unbuffered, the parts of a line are written one by one, and two processes' lines mix.
_RAYS = ("PYTHONUNBUFFERED", "PYTHONBREAKPOINT", "SPT_NOENV")

# Fledge's own (fledge.launchers.first_failure): which rank failed first, left for the others on its node.
_FIRST_FAILURE = ".first-failure.json"

Answer = tuple[bytes, int | None, bool]


class Node:
    """One a node. Its methods are called by the driver alone."""

    def __init__(self, number: int, job: dict[str, Any]) -> None:
        self._number, self._job = number, job
        self._storage = Storage.of(job["run"], job["storage"])
        self._folder = self._storage.files(number)
        self._answer: tuple[int, Answer] = (-1, (b"", None, False))
        self._reading = threading.Lock()
        self._begun = False

    def prepare(self, token: str) -> dict[str, Any]:
        """Lay out the folders. Returns where this is, what it lacks, and whether it sees the driver's storage."""
        # An earlier submission's may be in it; node 0 goes on from what it finds.
        if self._number:
            shutil.rmtree(self._folder, ignore_errors=True)
        package = Path.cwd()
        code = self._folder / "code"
        for name in ("code", "outputs", "logs"):
            # A script's are links to what is in code/, which it may have removed.
            (self._folder / name).resolve().mkdir(parents=True, exist_ok=True)
        for name, mode in self._job["modes"].items():
            target = code / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package / "snapshot" / name, target)
            target.chmod(mode)
        for name, content in self._job["files"].items():
            (code / name).write_text(content, encoding="utf-8")
        self._storage.show(logs_folder())
        told = read(self._storage.record(self._job["submission"]))
        return {
            "node_id": ray.get_runtime_context().get_node_id(),
            "ip": ray.util.get_node_ip_address(),
            "missing": missing(self._job["requirements"]),
            "shared": told.get("token") == token,
        }

    def free_port(self) -> int:
        with socket.socket() as listener:
            listener.bind(("", 0))
            port: int = listener.getsockname()[1]
            return port

    def start(self, environment: dict[str, str]) -> None:
        (self._folder / "canceled").unlink(missing_ok=True)
        argv = [sys.executable, *self._job["argv"][1:]] if self._job["argv"][0] == "python" else self._job["argv"]
        self._status, status = os.pipe()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", keeper.__file__, str(status), str(self._job["grace"]), str(self._folder), *argv],
            env={**_environment(), **self._job["environment"], **environment, "FLEDGE_RUN_DIR": str(self._folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(status,),
            start_new_session=True,
        )
        os.close(status)
        # Questions are counted anew: the last answer of an attempt before is none to this one's first.
        self._answer = (-1, (b"", None, False))
        self._begun = True

    def read(self, number: int) -> Answer:
        """What was printed since the question before, the exit code, and whether it has ended; the same where a
        number is asked for again. The code of what vanished without a word is None."""
        with self._reading:
            if self._answer[0] != number:
                self._answer = (number, self._read())
            return self._answer[1]

    def stop(self, word: str) -> None:
        """ "stop" or "cancel", any number of times."""
        if self._begun and self._keeper.stdin is not None:
            with contextlib.suppress(OSError):
                os.write(self._keeper.stdin.fileno(), word.encode() + b"\n")

    def first_failure(self) -> bytes:
        """What a rank here has left of it; empty where none has."""
        try:
            return (self._folder / _FIRST_FAILURE).read_bytes()
        except FileNotFoundError:
            return b""

    def learn(self, first_failure: bytes) -> None:
        """What a rank of another node has left; a word that is here already stays."""
        part = self._folder / f"{_FIRST_FAILURE}.ray"
        part.write_bytes(first_failure)
        with contextlib.suppress(FileExistsError):
            os.link(part, self._folder / _FIRST_FAILURE)
        part.unlink()

    def tidy(self) -> None:
        if self._number:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self) -> Answer:
        out = self._keeper.stdout
        assert out is not None
        if not select.select([out], [], [], _PATIENCE_SECONDS)[0]:
            return b"", None, False
        data = os.read(out.fileno(), _CHUNK)
        if data:
            return data, None, False
        code = os.read(self._status, 16)
        self._keeper.wait()
        for pipe in (self._keeper.stdin, out):
            if pipe is not None:
                pipe.close()
        os.close(self._status)
        self._begun = False
        return b"", int(code) if code else None, True


def missing(requirements: list[str]) -> list[str]:
    """Those that are not installed here."""
    return [line for line in requirements if not _is_here(Requirement(line))]


def _is_here(wanted: Requirement) -> bool:
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


def logs_folder() -> Path:
    """Where this node's Ray logs; Ray has no public word for it."""
    from ray._private import worker

    node: Any = worker._global_node
    return Path(node.get_logs_dir_path())


def _environment() -> dict[str, str]:
    """The node's, without what Ray adds for this actor: the job is no process of Ray's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_") and name not in _RAYS}
    here = str(Path.cwd().resolve())
    path = [word for word in kept.pop("PYTHONPATH", "").split(os.pathsep) if word and str(Path(word).resolve()) != here]
    return kept | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})
