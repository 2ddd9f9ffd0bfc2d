"""Nursery: imports what every training needs, once, and forks a worker from itself for each client."""

import gc
import os
import select
import selectors
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from fledge.importing import importing
from fledge.worker.warm.fork import become_worker
from fledge.worker.warm.likeness import further_paths, take
from fledge.worker.warm.wire import ACCEPTED, Order

# The core's own, and what imports longest. Not a plugin's: a run's snapshot may bring another version of one.
_NEEDED = ("fledge.worker.work", "fledge.worker.training", "torch._dynamo", "torchvision")


class Nursery:
    """Of one thread, as whoever forks should be.

    A worker whose client has gone is killed with all that it has started: the client stands for it.
    """

    def __init__(self, address: Path) -> None:
        self._address = address
        # As it was before anything was imported, which may change it.
        self._environment = dict(os.environ)
        self._listener = socket.socket(socket.AF_UNIX)
        self._workers: dict[int, socket.socket] = {}
        self._events = selectors.DefaultSelector()
        self._warm = False

    def serve(self) -> None:
        """Until standard input has been closed, and the last worker has ended."""
        woken, wakes = os.pipe()
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._listener.bind(str(self._address))
        self._listener.listen()
        for handle in (self._listener, sys.stdin, woken):
            self._events.register(handle, selectors.EVENT_READ)
        while self._workers or self._listener.fileno() >= 0:
            for key, _ in self._events.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is sys.stdin:
                    self._close()
                elif key.fileobj == woken:
                    os.read(woken, 4096)
                    self._bury()
                elif isinstance(key.fileobj, socket.socket):
                    self._hear(key.fileobj)

    def _accept(self) -> None:
        if self._listener.fileno() < 0:
            # Closed a moment ago.
            return
        client, _ = self._listener.accept()
        try:
            order, streams = Order.receive(client)
        except (OSError, ValueError):
            client.close()
            return
        further = further_paths(order.environment, self._environment)
        if further is None:
            # It begins by itself then.
            client.close()
            for stream in streams:
                os.close(stream)
            return
        with suppress(OSError):
            client.send(ACCEPTED)
        if not self._warm:
            self._warm_up()
        if _has_gone(client):
            # Whoever has killed it takes its run for dead.
            client.close()
            for stream in streams:
                os.close(stream)
            return
        worker = os.fork()
        if not worker:
            self._events.close()
            for handle in (self._listener, client, *self._workers.values()):
                handle.close()
            take(further, self._environment)
            become_worker(order, streams)
        # As the fork itself does: whichever is first, it leads a group before anybody kills that.
        with suppress(OSError):
            os.setpgid(worker, worker)
        for stream in streams:
            os.close(stream)
        self._workers[worker] = client
        self._events.register(client, selectors.EVENT_READ)

    def _warm_up(self) -> None:
        with importing():
            for name in _NEEDED:
                with suppress(ImportError):
                    import_module(name)
        # What is there now is garbage in no fork, and need not be copied for looking whether it is.
        gc.freeze()
        self._warm = True

    def _hear(self, client: socket.socket) -> None:
        """A signal to hand on, or the client's end."""
        worker = next((pid for pid, one in self._workers.items() if one is client), None)
        if worker is None:
            # Buried a moment ago.
            return
        try:
            numbers = client.recv(64)
        except OSError:
            numbers = b""
        if not numbers:
            self._events.unregister(client)
        with suppress(ProcessLookupError):
            for number in numbers:
                os.kill(worker, number)
            if not numbers:
                os.killpg(worker, signal.SIGKILL)

    def _bury(self) -> None:
        while True:
            try:
                worker, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not worker:
                return
            client = self._workers.pop(worker)
            # What it has left behind.
            with suppress(ProcessLookupError):
                os.killpg(worker, signal.SIGKILL)
            with suppress(OSError):
                client.send(bytes([1, os.WTERMSIG(status)] if os.WIFSIGNALED(status) else [0, os.WEXITSTATUS(status)]))
            with suppress(KeyError):
                self._events.unregister(client)
            client.close()

    def _close(self) -> None:
        self._events.unregister(sys.stdin)
        self._events.unregister(self._listener)
        self._listener.close()
        self._address.unlink(missing_ok=True)
        with suppress(OSError):
            self._address.parent.rmdir()


def _has_gone(client: socket.socket) -> bool:
    """Whether it has hung up, whatever it had sent before."""
    line = select.poll()
    line.register(client, 0)
    return bool(line.poll(0))
