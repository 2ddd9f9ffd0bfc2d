"""`fledge` without its start: one process has imported what every command needs, and each command is a fork of it.

    python tests/commands.py SOCKET [MODULE...]

What a person types imports the same first, for a third of a second; thousands of tests' commands are spared that. They
are processes as ever, and begin where `python -m fledge` does.
"""

import gc
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, invalidate_caches
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import BinaryIO, NoReturn

from fledge.worker.warm.likeness import further_paths, take
from fledge.worker.warm.wire import ACCEPTED, Order

# Not the commands of a plugin, nor what needs torch: a command imports that when it is used.
_NEEDED = ("cli", "discovery", "plan", "runs", "spec")


@dataclass(frozen=True)
class Ended:
    """status is negative for a signal's number."""

    status: int
    out: str
    err: str


class Commands:
    """A context in which commands are forked."""

    def __init__(
        self, folder: Path, environment: dict[str, str], python: Path = Path(sys.executable), more: Sequence[str] = ()
    ) -> None:
        """more: modules that are imported beforehand, too."""
        self._address = folder / "commands"
        self._process = subprocess.Popen([str(python), __file__, str(self._address), *more], env=environment)

    def __enter__(self) -> "Commands":
        while not self._address.exists():
            assert self._process.poll() is None
            time.sleep(0.02)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()

    def run(self, words: list[str], folder: Path, environment: dict[str, str]) -> Ended | None:
        """None where it would have begun in another way: then it has not."""
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        with socket.socket(socket.AF_UNIX) as server, Path(os.devnull).open() as nothing:
            server.connect(str(self._address))
            Order(words, str(folder), environment).send(server, (nothing.fileno(), its_out, its_err))
            for handle in (its_out, its_err):
                os.close(handle)
            with os.fdopen(out, "rb") as output, os.fdopen(err, "rb") as errors:
                if server.recv(1) != ACCEPTED:
                    return None
                said = [_Reading(stream) for stream in (output, errors)]
                status = int.from_bytes(server.recv(4), signed=True)
                return Ended(status, *(one.text() for one in said))


def by_itself(
    words: list[str], folder: Path, environment: dict[str, str], python: Path = Path(sys.executable)
) -> Ended:
    """As `Commands.run`, and as a person starts it."""
    done = subprocess.run(
        [str(python), "-m", "fledge", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class _Reading(Thread):
    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(daemon=True)
        self._stream, self._content = stream, b""
        self.start()

    def run(self) -> None:
        self._content = self._stream.read()

    def text(self) -> str:
        self.join()
        # As subprocess does for text.
        return self._content.decode().replace("\r\n", "\n").replace("\r", "\n")


def serve(address: str, more: list[str]) -> None:
    begun = dict(os.environ)
    # Nobody asks how those ended that stand between this process and a command.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _import(more)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.new")
    listener.listen()
    Path(f"{address}.new").rename(address)
    while True:
        client, _ = listener.accept()
        with client, suppress(OSError):
            order, streams = Order.receive(client)
            further = further_paths(order.environment, begun)
            if further is not None and not os.fork():
                listener.close()
                _attend(client, order, streams, further, begun)
            for stream in streams:
                os.close(stream)


def _import(more: list[str]) -> None:
    for name in _NEEDED:
        package = import_module(f"fledge.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with suppress(ImportError):
                import_module(module.name)
    for name in more:
        import_module(name)
    assert "torch" not in sys.modules
    gc.collect()
    gc.freeze()


def _attend(
    client: socket.socket, order: Order, streams: list[int], further: list[str], begun: dict[str, str]
) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        client.sendall(ACCEPTED)
        command = os.fork()
        if not command:
            client.close()
            _become(order, streams, further, begun)
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(command, 0)
        client.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, signed=True))
    finally:
        os._exit(0)


def _become(order: Order, streams: list[int], further: list[str], begun: dict[str, str]) -> NoReturn:
    try:
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        # Those that there are know that they are of another kind.
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- for as long as the process lives
        sys.stdout = open(1, "w", newline="\n", closefd=False)  # noqa: SIM115 -- as above
        sys.stderr = open(2, "w", newline="\n", closefd=False, buffering=1)  # noqa: SIM115 -- as above
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environment)
        # This file's folder.
        del sys.path[0]
        take(further, begun)
        sys.path.insert(0, order.folder)
        invalidate_caches()
        sys.argv = ["fledge", *order.arguments]
        runpy.run_module("fledge", run_name="__main__", alter_sys=True)
    except BaseException:  # noqa: BLE001 -- what Python itself would print
        traceback.print_exc()
    finally:
        os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    serve(sys.argv[1], sys.argv[2:])
