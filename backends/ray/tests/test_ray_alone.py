"""The Ray backend where there is no cluster, and no Ray: what it plans, and what it says of what it cannot do."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from fledge import RunError
from fledge_ray.backend import Ray
from fledge_ray.options import RayOptions

from tests.ray_cluster import free_port


class Stranger(BaseHTTPRequestHandler):
    """Answers whatever it is asked with a page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<p>Hello</p>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def fledge(folder: Path, *words: str, status: int = 0) -> tuple[str, str]:
    """Standard output and error of the command, in the folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLEDGE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "fledge", *words],
        cwd=folder,
        env=environment | {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def script(folder: Path, *settings: str) -> list[str]:
    """What runs a script on Ray."""
    (folder / "s.py").write_text("print('hello')")
    return ["run", "--script", "s.py", "--backend", "ray", *(word for one in settings for word in ("--set", one))]


def test_a_dry_run_shows_what_each_node_has_to_have(tmp_path: Path) -> None:
    settings = ("launcher.processes=4", "launcher.nodes=2", "backend.cpus=3", "backend.gpus=0.5")
    out, _ = fledge(tmp_path, *script(tmp_path, "launcher.name=torchrun", *settings), "--dry-run", "--json")
    request = json.loads(out)["request"]
    assert (request["nodes"], request["bundle"]) == (2, {"CPU": 6.0, "GPU": 1.0})
    assert request["address"] == "http://127.0.0.1:8265"
    assert not (tmp_path / ".fledge" / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("backend.address=ray://head:10001", "is no address of a Ray dashboard: http://HOST:8265"),
        ("backend.storage=shared/fledge", "is not an absolute path: it names a folder on the nodes"),
        ("backend.cpus=0", "backend.cpus"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, setting: str, says: str) -> None:
    _, err = fledge(tmp_path, *script(tmp_path, setting), "--dry-run", status=2)
    assert says in err


def test_a_run_where_nobody_answers_leaves_nothing(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    _, err = fledge(tmp_path, *script(tmp_path, f"backend.address={address}"), status=1)
    assert f"no Ray cluster answers at {address}" in err
    assert not list((tmp_path / ".fledge" / "runs").iterdir())


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    backend = Ray(RayOptions(address=address), tmp_path)
    (found,) = backend.check()
    assert found.level == "warning"
    assert found.message.startswith(f"no Ray cluster answers at {address}")
    assert "backend.address" in found.remedy
    with pytest.raises(RunError, match=f"no Ray cluster answers at {address}") as raised:
        backend.find("one")
    assert raised.value.transient


def test_whoever_named_no_cluster_is_not_warned_of_one(tmp_path: Path) -> None:
    # Where a cluster does run at Ray's own address, that is what is told.
    (found, *_) = Ray(RayOptions(), tmp_path).check()
    assert found.level == "ok"
    assert found.message.startswith(("not set up: no Ray cluster answers at http://127.0.0.1:8265", "Ray 2"))


def test_what_is_no_ray_is_told(tmp_path: Path, stranger: str) -> None:
    backend = Ray(RayOptions(address=stranger), tmp_path)
    (found,) = backend.check()
    assert (found.level, found.message) == ("warning", f"what answers at {stranger} is no Ray dashboard")
    with pytest.raises(RunError, match="is no Ray dashboard"):
        backend.find("one")
