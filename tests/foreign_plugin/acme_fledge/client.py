"""Client: a conversation with a server, in which whatever goes wrong is said in words."""

import socket
from contextlib import ExitStack, suppress
from io import BufferedIOBase
from pathlib import Path
from types import TracebackType
from typing import Any

from fledge import RunError, RunRef, UsageError

from acme_fledge.wire import address, receive, send

# One that says nothing for so long is stopped, or its disk is.
_SILENCE_SECONDS = 60.0


class Client:
    """A context, within which the server can be asked.

    Raises RunError where no server answers: transient, for it may be about to be started again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closing = ExitStack()
        self._stream: BufferedIOBase

    def __enter__(self) -> "Client":
        where = address(self._path)
        with ExitStack() as closing:
            line = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            line.settimeout(_SILENCE_SECONDS)
            try:
                line.connect(where)
            except OSError as error:
                raise self._trouble(error) from None
            self._stream = closing.enter_context(line.makefile("rwb"))
            self._closing = closing.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # What could not be sent was told of already.
        with suppress(OSError):
            self._closing.close()

    def ask(self, what: str, **told: Any) -> dict[str, Any]:
        """Raises what the server says is wrong with the question, as the error that it is here."""
        try:
            send(self._stream, {"ask": what, **told})
            answer = receive(self._stream)
        except OSError as error:
            raise self._trouble(error) from None
        if answer is None:
            raise self._trouble(ConnectionResetError("it went away"))
        if "error" in answer:
            kind = UsageError if answer.get("usage") else RunError
            raise kind(answer["error"], hint=answer.get("hint"))
        return answer

    def ask_of(self, what: str, ref: RunRef, **told: Any) -> dict[str, Any]:
        """The same, of a submission."""
        return self.ask(what, run=ref.details["run"], key=ref.key, **told)

    def _trouble(self, error: OSError) -> RunError:
        if isinstance(error, PermissionError):
            return RunError(
                f"{self._path}: {error.strerror}", hint="it is another person's: start a server of your own"
            )
        why = error.strerror or str(error)
        return RunError(
            f"no server answers at {self._path} ({why})",
            hint=f"start it, with the folder that it had: python -m acme_fledge.server {self._path} FOLDER",
            transient=True,
        )
