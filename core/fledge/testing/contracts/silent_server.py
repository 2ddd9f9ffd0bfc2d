"""SilentServer: accepts whoever comes, and never says a word."""

import socket
import threading
from contextlib import suppress
from types import TracebackType


class SilentServer:
    """A context, within which it can be called at `url`. It keeps every line open until it is told to let go.

    called is set by the first call. From `let_go` on, lines are closed, and so is whoever still calls.
    """

    def __init__(self) -> None:
        self.called = threading.Event()
        self._letting_go = False
        self._lines: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._porter = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "SilentServer":
        self._porter.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.let_go()
        # A thread that waits in `accept` is not woken by `close`.
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._porter.join()
        self._door.close()

    def let_go(self) -> None:
        self._letting_go = True
        for line in self._lines:
            line.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._door.accept()
            except OSError:
                return
            if self._letting_go:
                line.close()
                continue
            self._lines.append(line)
            self.called.set()
