"""python -m fledge_azureml_score FILE [PORT]: the program of an endpoint on this machine, POST http://127.0.0.1:PORT/score.

FILE is an exported model. Without Azure's server: what answers is the same. PORT 0 is any that is free.
"""

import argparse
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fledge import FledgeError

from fledge_azureml_score.program import MODEL_FILE, Scoring, opened

_SCORE, _HEALTH = "/score", "/"
_FINE, _ABSENT = 200, 404


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fledge_azureml_score")
    parser.add_argument("file", type=Path)
    parser.add_argument("port", type=int, nargs="?", default=5001)
    told = parser.parse_args()
    path = told.file.resolve()
    os.environ |= {"AZUREML_MODEL_DIR": str(path.parent), MODEL_FILE: path.name}
    try:
        server = ThreadingHTTPServer(("127.0.0.1", told.port), _handler(opened()))
    except (FledgeError, OSError, OverflowError) as error:
        sys.exit(f"error: {error}")
    print(f"{path.name} answers at http://127.0.0.1:{server.server_address[1]}{_SCORE}", file=sys.stderr, flush=True)
    server.serve_forever()


def _handler(scoring: Scoring) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*((_FINE, b'"Healthy"') if self.path == _HEALTH else (_ABSENT, b"{}")))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type", "")
            self._say(*(scoring(kind, body) if self.path == _SCORE else (_ABSENT, b"{}")))

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _say(self, status: int, told: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

    return Handler


if __name__ == "__main__":
    main()
