"""`python -m acme_fledge.server SOCKET FOLDER`: runs jobs for whoever may use the socket, and keeps them in the folder.

It may be killed at any time, and another started with the same folder: jobs go on, and what they leave is found.
"""

import argparse
import fcntl
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fledge import UsageError

from acme_fledge.conversation import Server
from acme_fledge.runs import Runs
from acme_fledge.wire import address


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m acme_fledge.server", description="Runs jobs of fledge's.")
    words.add_argument("socket", type=Path, help="where it is to be asked; for its owner alone")
    words.add_argument("folder", type=Path, help="where it keeps its runs")
    words.add_argument("--grace", type=float, default=10.0, help="seconds a job has to stop in (10)")
    told = words.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve(told.socket.absolute(), told.folder.absolute(), told.grace)
    except UsageError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or told.socket}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)


def serve(path: Path, folder: Path, grace: float) -> None:
    """Until it is told to stop. Raises UsageError where another server is in its place."""
    where = address(path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        incoming = folder / "incoming"
        # What a server that was killed had not been sent the rest of.
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir()
        _clear(path)
        mask = os.umask(0o077)
        server = Server(where, Runs(folder, grace), incoming)
        os.umask(mask)
        try:
            print(f"listening on {path}", flush=True)
            server.serve_forever()
        finally:
            path.unlink(missing_ok=True)
            server.server_close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another server keeps its runs in {folder}") from None
        yield


def _clear(path: Path) -> None:
    """Remove the socket of a server that was killed."""
    if not path.exists():
        return
    if not path.is_socket():
        raise UsageError(f"{path} is there already, and no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise UsageError(f"another server answers at {path}")


if __name__ == "__main__":
    main()
