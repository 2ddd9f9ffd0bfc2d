"""Conversation: what one client asks of a server, from its first question to its last."""

import shutil
import socketserver
import tempfile
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from acme_fledge.files import listed, piece
from acme_fledge.refusal import Refusal, checked_path
from acme_fledge.runs import Runs
from acme_fledge.wire import CHUNK, packed, receive, send, unpacked


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, runs: Runs, incoming: Path) -> None:
        super().__init__(address, Conversation)
        self.runs = runs
        self.incoming = incoming


class Conversation(socketserver.StreamRequestHandler):
    """The files that a client sends are its own until it submits them; if it does not, they go when it goes."""

    rbufsize = CHUNK
    server: Server

    def handle(self) -> None:
        try:
            while (question := receive(self.rfile)) is not None:
                send(self.wfile, self._answer(question))
        except (ConnectionError, ValueError):
            # The client was killed, or is none.
            return
        finally:
            if "_sources" in vars(self):
                shutil.rmtree(self._sources, ignore_errors=True)

    @cached_property
    def _sources(self) -> Path:
        # Not made for who only asks, which must be possible on a full disk.
        return Path(tempfile.mkdtemp(dir=self.server.incoming))

    def _answer(self, told: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._answers[told.pop("ask")](self, told) or {}
        except Refusal as refusal:
            return {"error": refusal.message, "hint": refusal.hint, "usage": refusal.usage}
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            return {"error": f"the server cannot do it: {where}{error.strerror or error}"}
        except (KeyError, TypeError, ValueError) as error:
            hint = "client and server are of different versions, perhaps"
            return {"error": f"the server does not understand: {type(error).__name__}: {error}", "hint": hint}

    def _hello(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"runs": len(self.server.runs)}

    def _write(self, told: dict[str, Any]) -> None:
        target = self._sources / checked_path(told["name"])
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab" if told["offset"] else "wb") as file:
            file.write(unpacked(told["data"]))
        target.chmod(told["mode"] | 0o200)

    def _submit(self, told: dict[str, Any]) -> None:
        job = {name: told[name] for name in ("argv", "environment", "retries")}
        self.server.runs.submit(told["run"], told["key"], job, self._sources)

    def _find(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"found": self.server.runs.has(told["run"], told["key"])}

    def _status(self, told: dict[str, Any]) -> dict[str, Any]:
        return self.server.runs.status(told["run"], told["key"])

    def _cancel(self, told: dict[str, Any]) -> None:
        self.server.runs.cancel(told["run"], told["key"])

    def _log(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"data": packed(self.server.runs.log(told["run"], told["key"], told["cursor"], CHUNK))}

    def _files(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"files": listed(self.server.runs.folder(told["run"], told["key"]), told["pattern"])}

    def _read(self, told: dict[str, Any]) -> dict[str, Any]:
        folder = self.server.runs.folder(told["run"], told["key"])
        return {"data": packed(piece(folder, told["path"], told["offset"], told["size"]))}

    _answers: ClassVar[Mapping[str, Callable[["Conversation", dict[str, Any]], dict[str, Any] | None]]] = {
        "hello": _hello,
        "write": _write,
        "submit": _submit,
        "find": _find,
        "status": _status,
        "cancel": _cancel,
        "log": _log,
        "files": _files,
        "read": _read,
    }
