"""Server: an HTTPS proxy that answers for Azure's hosts itself, with a certificate of its own authority.

A client is told of it as of any company's proxy: HTTPS_PROXY, and the authority to be trusted. What it asks of
Azure's hosts is answered here, what it asks of a storage account goes to Azurite, and nobody else is let through.
Over plain HTTP it gives tokens to managed identities, and does what tests ask of it (`control`).
"""

import fnmatch
import socket
import ssl
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from loopback import (
    arm,
    command_jobs,
    control,
    endpoints,
    history,
    hyperdrive,
    identity,
    machines,
    models,
    tracking,
    v1,
)
from loopback.state import BLOB_HOSTS, DIRECTORY, HOSTS, MANAGEMENT, SCORING_HOSTS, SERVICES, Seen, State
from loopback.trouble import answer as troubled
from loopback.wire import Answer, Call, Routes, refusal

_ABSENT, _FAILED, _FORBIDDEN = 404, 500, 403
_PIECE = 1 << 16


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many clients begin at once in tests of races.
    request_queue_size = 128

    def __init__(self, state: State) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(state.certificate.cert, state.certificate.key)
        first = v1.routes(state)
        self._routes: dict[str, list[Routes]] = {
            MANAGEMENT: [
                endpoints.routes(state),
                machines.routes(state),
                arm.routes(state),
                command_jobs.routes(state),
                models.routes(state),
                first,
            ],
            SERVICES: [history.routes(state), tracking.routes(state), hyperdrive.routes(state), first],
            DIRECTORY: [identity.directory(state.tokens)],
        }

    def answer(self, call: Call) -> Answer:
        if fnmatch.fnmatch(call.host, SCORING_HOSTS):
            return endpoints.score(self.state, call)
        # Where its services are, a region tells everybody.
        anybody = call.host == DIRECTORY or call.path == "/discovery"
        if not anybody and (refused := self.state.tokens.refusal(call)):
            return refused
        for routes in self._routes.get(call.host, []):
            if found := routes.find(call):
                route, parts = found
                return route(call, **parts)
        return refusal(_ABSENT, "NotPlayed", f"the loopback has no answer to {call.method} {call.host}{call.path}")

    def plain(self, call: Call) -> Answer:
        if call.path == "/identity":
            return identity.managed(self.state.tokens, call)
        return control.answer(self.state, call)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are what tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    # The one that the client believes it talks to, once it has asked for one.
    _host = ""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0].lower()
        state = self.server.state
        if not any(fnmatch.fnmatch(host, known) for known in HOSTS):
            state.refused.append(host)
            self.send_error(_FORBIDDEN, "not played here")
            return
        rule = state.trouble.met("CONNECT", host)
        if rule:
            if rule.silent:
                # Until the client goes away.
                self.connection.recv(1)
            self.close_connection = True
            return
        self.send_response(200)
        self.end_headers()
        if fnmatch.fnmatch(host, BLOB_HOSTS):
            _pipe(self.connection, state.blobs.port)
            self.close_connection = True
            return
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self._host, self.close_connection = host, False

    def finish(self) -> None:
        super().finish()
        # Of which the server only has what it was before TLS.
        self.connection.close()

    def log_message(self, *told: object) -> None:
        pass

    def _any(self) -> None:
        call = self._call()
        state = self.server.state
        rule = state.trouble.met(self.command, call.host + call.path) if self._host else None
        if rule and rule.late:
            self._answer(call)
        if rule and rule.drop:
            state.seen.append(Seen(call.method, call.host, call.path, call.query, 0, _json(call)))
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        answer = troubled(rule, call) if rule else self._answer(call)
        if self._host:
            state.seen.append(Seen(call.method, call.host, call.path, call.query, answer.status, _json(call)))
        content = answer.content
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(content))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _call(self) -> Call:
        told = urlsplit(self.path)
        return Call(
            method=self.command,
            host=self._host,
            path=unquote(told.path),
            query=dict(parse_qsl(told.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, call: Call) -> Answer:
        try:
            return self.server.answer(call) if self._host else self.server.plain(call)
        except Exception:  # noqa: BLE001 -- a fault of the loopback's is shown to whoever called
            return refusal(_FAILED, "LoopbackFailed", traceback.format_exc())

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)


def _json(call: Call) -> object:
    try:
        return call.json
    except ValueError:
        return None


def _pipe(client: socket.socket, port: int) -> None:
    """Hand on all that either says, until both are done."""
    with socket.create_connection(("127.0.0.1", port)) as store:
        back = threading.Thread(target=_copy, args=(store, client), daemon=True)
        back.start()
        _copy(client, store)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
