"""python -m loopback FOLDER AZURITE [NAME=VALUE ...]: plays Azure until standard input ends.

AZURITE is Azurite's program, NAME=VALUE the environment of the nodes' image, beside the interpreter that executes this;
the variable LOOPBACK_SERVER names the inference server of endpoints.
The first line of standard output is a JSON object: the environment of a client, by variable.
"""

import json
import os
import sys
import threading
from pathlib import Path

from loopback import endpoints, identity
from loopback.azurite import Azurite
from loopback.engine import Engine
from loopback.server import Server
from loopback.state import HOSTS, State
from loopback.tls import certificate


def main() -> None:
    folder, program, *image = sys.argv[1:]
    place = Path(folder)
    for name in ("tls", "blobs", "engine"):
        (place / name).mkdir(parents=True, exist_ok=True)
    made = certificate(place / "tls", HOSTS)
    blobs = Azurite(Path(program), place / "blobs", made)
    engine = Engine(place / "engine", Path(sys.executable), dict(one.split("=", 1) for one in image))
    told = os.environ.get("LOOPBACK_SERVER")
    state = State(place, engine, blobs, made, server=Path(told) if told else None)
    server = Server(state)
    told_to_all = _environment(server)
    state.machine = {name: told_to_all[name] for name in ("HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")}
    try:
        print(json.dumps(told_to_all), flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
    finally:
        endpoints.close(state)
        state.close()


def _environment(server: Server) -> dict[str, str]:
    address = f"http://127.0.0.1:{server.server_address[1]}"
    authority = str(server.state.certificate.authority)
    return {
        "HTTPS_PROXY": address,
        "NO_PROXY": "127.0.0.1",
        "REQUESTS_CA_BUNDLE": authority,
        "SSL_CERT_FILE": authority,
        "IDENTITY_ENDPOINT": f"{address}/identity",
        "IDENTITY_HEADER": identity.HEADER,
    }


if __name__ == "__main__":
    main()
