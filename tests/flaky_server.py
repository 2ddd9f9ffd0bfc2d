"""A real HTTP server on loopback whose connections break off, for those who must live with that."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FlakyServer:
    """Serves `content` at any path. The first `breaks` answers stop half-way through what they owe."""

    content: bytes
    breaks: int = 0
    ranges: bool = True
    status: int = 200
    requests: list[str | None] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fowl_data.zip"

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'


@contextmanager
def serving(server: FlakyServer) -> Iterator[FlakyServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.requests.append(asked)
            if server.status != 200:
                self.send_error(server.status)
                return
            fresh = server.ranges and asked and self.headers.get("If-Range") == server.etag
            start = int(asked.removeprefix("bytes=").rstrip("-")) if fresh and asked else 0
            body = server.content[start:]
            self.send_response(206 if fresh else 200)
            if fresh:
                self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", server.etag)
            self.end_headers()
            if server.breaks:
                server.breaks -= 1
                body = body[: len(body) // 2]
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
