"""A stranger's offers keep fledge's promises, and some of their own; imported from where they are written."""

import json
import os
import shutil
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from fledge import ComputeBackend, DataError, Dataset, Job, RunState, Sample, UsageError
from fledge.testing import BackendContract, DatasetContract

from tests.foreign import SOURCE, Server, jpeg, pack, pictures, serving


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, and in the processes that are started from here."""
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(SOURCE), known])))
    monkeypatch.syspath_prepend(SOURCE)


class TestSocket(BackendContract):
    @pytest.fixture
    def server(self, tmp_path: Path, importable: None) -> Iterator[Server]:
        with serving(tmp_path / "server", os.environ.copy()) as server:
            yield server

    @pytest.fixture
    def backend(self, server: Server, tmp_path: Path) -> ComputeBackend:
        from acme_fledge.backend import Socket
        from acme_fledge.options import SocketOptions

        return Socket(SocketOptions(socket=server.socket), tmp_path / "home")

    def test_the_environment_of_a_job_is_on_no_disk_of_the_servers(
        self, backend: ComputeBackend, server: Server
    ) -> None:
        code = "import os; print(os.environ['TOKEN'][::-1])"
        ref = self.start(backend, code, environment={"TOKEN": "hunter2-of-the-job"})
        assert self.log(backend, ref) == b"boj-eht-fo-2retnuh\n"
        written = [path for path in server.folder.rglob("*") if path.is_file()]
        assert written
        assert not [path for path in written if b"hunter2-of-the-job" in path.read_bytes()]

    def test_nothing_that_a_job_has_started_outlives_it(self, backend: ComputeBackend) -> None:
        child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True).pid"
        ref = self.start(backend, f"import subprocess, sys, time; print('up', {child}, flush=True); time.sleep(600)")
        self.wait_until_up(backend, ref)
        pid = int(self.log(backend, ref, follow=False).split()[1])
        assert psutil.pid_exists(pid)
        backend.cancel(ref)
        assert not is_running(pid)

    def test_a_run_whose_keeper_was_killed_is_lost_and_leaves_nothing(
        self, backend: ComputeBackend, server: Server
    ) -> None:
        ref = self.start(backend, "import os, time; print('up', os.getpid(), flush=True); time.sleep(600)")
        self.wait_until_up(backend, ref)
        pid = int(self.log(backend, ref, follow=False).split()[1])
        keeper = json.loads((server.folder / "records" / "one" / "current.json").read_text())["pid"]
        os.kill(keeper, signal.SIGKILL)
        while (status := backend.status(ref)).state is RunState.RUNNING:
            time.sleep(0.01)
        assert status.state is RunState.LOST
        assert not is_running(pid)

    def test_two_submissions_at_once_under_one_key_start_one_job(self, backend: ComputeBackend) -> None:
        job = Job(name="contract", argv=("python", "-c", "print('once')"), files={"a.txt": "a"})
        request = backend.plan(job)
        with ThreadPoolExecutor(4) as pool:
            refs = list(pool.map(lambda _: backend.submit(request, "one"), range(4)))
        assert refs == [refs[0]] * 4
        assert self.log(backend, refs[0]) == b"once\n"

    def test_a_large_file_is_never_whole_in_the_servers_memory(
        self, backend: ComputeBackend, server: Server, tmp_path: Path
    ) -> None:
        size = 100_000_000
        code = f"import os; os.truncate(os.open(os.environ['FLEDGE_RUN_DIR'] + '/outputs/large', 66), {size})"
        ref = self.start(backend, code)
        self.log(backend, ref)
        (fetched,) = backend.fetch(ref, "outputs/*", tmp_path / "fetched")
        assert fetched.stat().st_size == size
        told = Path(f"/proc/{server.process.pid}/status").read_text()
        peak_kb = int(next(line for line in told.splitlines() if line.startswith("VmHWM")).split()[1])
        assert peak_kb * 1024 < size

    @pytest.mark.parametrize("pattern", ["/etc/passwd", "../*", "outputs/../../x", ""])
    def test_what_is_fetched_is_the_runs(self, backend: ComputeBackend, tmp_path: Path, pattern: str) -> None:
        ref = self.start(backend, "")
        self.log(backend, ref)
        with pytest.raises(UsageError, match="does not name files within a run"):
            backend.fetch(ref, pattern, tmp_path / "fetched")


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("zip") / "photos.zip", pictures())


class TestZipPhotos(DatasetContract):
    @pytest.fixture
    def dataset(self, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
        return zip_photos(Path(shutil.copy(photos, tmp_path_factory.mktemp("copy"))))

    def corrupt(self, sample: Sample, cache: Path) -> bool:
        from acme_fledge.zip_photo import ZipPhoto

        assert isinstance(sample, ZipPhoto)
        members = pictures()
        pack(Path(sample.archive), {**members, sample.name: members[sample.name][:300]})
        return True


def zip_photos(archive: Path) -> Dataset:
    from acme_fledge.options import ZipOptions
    from acme_fledge.zip_photos import ZipPhotos

    return ZipPhotos(ZipOptions(archive=archive))


def damaged(path: Path) -> Path:
    """A member's bytes are not those that its checksum was made of."""
    content = bytearray(pack(path, pictures()).read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("val/blue/02.jpg").header_offset
    content[at + 200] ^= 0xFF
    path.write_bytes(content)
    return path


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda path: None, "there is no archive"),
    "a folder": (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    "a text": (lambda path: path.write_text("photos"), "is no zip file, or not a whole one"),
    "cut off": (lambda path: path.write_bytes(pack(path, pictures()).read_bytes()[:-30]), "is no zip file, or not"),
    "empty": (lambda path: pack(path, {}), "has no photographs train/CLASS/NAME.jpg: it holds nothing"),
    "wrapped": (
        lambda path: pack(path, {f"birds/{name}": data for name, data in pictures().items()}),
        "has no photographs train/CLASS/NAME.jpg: it holds birds",
    ),
    "no val": (
        lambda path: pack(path, {name: data for name, data in pictures().items() if "val" not in name}),
        "has no photographs val/CLASS/NAME.jpg: it holds train",
    ),
    "untrained": (lambda path: pack(path, {**pictures(), "val/green/0.jpg": b""}), "class 'green' is in val/ and not"),
    "one class": (
        lambda path: pack(path, {name: data for name, data in pictures().items() if "red" in name}),
        "there is one class alone, 'red'",
    ),
    "damaged": (damaged, "1 photographs in"),
}


@pytest.mark.parametrize("trouble", BROKEN)
def test_what_is_wrong_with_an_archive_is_said(tmp_path: Path, trouble: str) -> None:
    make, told = BROKEN[trouble]
    make(tmp_path / "photos.zip")
    with pytest.raises(DataError) as raised:
        zip_photos(tmp_path / "photos.zip").prepare(tmp_path / "cache")
    assert str(tmp_path / "photos.zip") in raised.value.message
    assert told in raised.value.message
    assert ("val/blue/02.jpg" in raised.value.message) == (trouble == "damaged")


def test_oddities_of_an_archive(tmp_path: Path) -> None:
    odd = {"train/red/turned.JPG": jpeg(np.zeros((48, 64, 3)), orientation=6), "__MACOSX/train/red/._01.jpg": b""}
    first = next(iter(pictures().values()))
    archive = pack(tmp_path / "odd.zip", {**pictures(), **odd, "readme.txt": b"", "val/red/copy.jpg": first})
    dataset, warnings = zip_photos(archive), list[str]()
    dataset.prepare(tmp_path / "cache", warn=warnings.append)
    turned = next(sample for sample in dataset.split("train") if sample.name.endswith("turned.JPG"))
    assert turned.load().size == (48, 64)
    assert warnings[0] == f"1 members of {archive} are left out, readme.txt for one"
    assert "train/blue/00.jpg and val/red/copy.jpg are one photograph" in warnings[1]
    assert len(warnings) == 2
