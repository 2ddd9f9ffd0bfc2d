"""Submission: a job is started once, whatever happens to whoever asks for it."""

import json
import signal
from pathlib import Path

import pytest

from fledge.interfaces.backend import ComputeBackend, RunRef
from fledge.interfaces.job import Snapshot, SourceFile
from fledge.interfaces.state import RunState
from fledge.testing.contracts.backends.jobs import COUNTS, Jobs, assert_findings
from fledge.testing.contracts.contract import files_below

_SUBMITTERS = 4
# The last ones one by one, for a process is started near the end. By then nobody has to make a home's folders any more:
# another copy of the process has, for a client's threads do not survive a fork.
_CUT_OFF = (
    "from fledge.testing.cut_off import cut_off\nfrom fledge.testing.forked import Forked\n"
    "Forked(backend.submit, told, 'cut-first').result()\n"
    "print(len(cut_off(lambda number: backend.submit(told, f'cut-{number}'), spread=4, last=6)))\n"
)
_AT_ONCE = (
    "import json\nfrom fledge.testing.at_once import at_once\n"
    f"print(*at_once(lambda _: json.dumps(vars(backend.submit(told, 'one'))), {_SUBMITTERS}), sep='\\n')\n"
)
_KILLED = "import os, signal\nrequest, key = told\nbackend.submit(request, key)\nos.kill(os.getpid(), signal.SIGKILL)\n"


class Submission(Jobs):
    def test_planning_starts_and_writes_nothing(self, backend: ComputeBackend, tmp_path: Path) -> None:
        request = self.request(backend, "", environment={"COLOUR": "red"})
        assert self.request(backend, "", environment={"COLOUR": "red"}) == request
        assert json.loads(json.dumps(request.body)) == request.body
        assert files_below(tmp_path) == {}

    def test_what_is_shown_and_asked_beforehand_starts_nothing(self, backend: ComputeBackend, tmp_path: Path) -> None:
        request = self.request(backend, "", environment={"COLOUR": "red"})
        wire = backend.wire(request)
        assert json.loads(json.dumps(wire)) == wire
        # By then it has imported what it needs, which may well call or write.
        with self.untouched(tmp_path / "empty"):
            assert backend.wire(request) == wire
        assert_findings(backend.inspect(request))
        backend.stage(request)
        assert backend.find("one") is None
        assert files_below(tmp_path) == {}

    def test_a_job_has_its_files_and_its_environment(self, backend: ComputeBackend, tmp_path: Path) -> None:
        source = tmp_path / "source.txt"
        source.write_text("from the snapshot")
        snapshot = Snapshot((SourceFile(source, "deep/ü.txt", source.stat().st_size),))
        code = "import os, fledge; print(open('deep/ü.txt').read(), open('small.txt').read(), os.environ['COLOUR'])"
        ref = self.start(
            backend, code, snapshot=snapshot, files={"small.txt": "kleiner"}, environment={"COLOUR": "rot"}
        )
        assert self.log(backend, ref).decode().splitlines()[-1] == "from the snapshot kleiner rot"

    def test_submitting_is_idempotent_by_key(self, backend: ComputeBackend) -> None:
        request = self.request(backend, COUNTS)
        assert backend.find("one") is None
        first = backend.submit(request, "one")
        assert json.loads(json.dumps(vars(first))) == vars(first)
        self.log(backend, first)
        assert backend.submit(request, "one") == first
        assert backend.find("one") == first
        assert backend.find("two") is None
        self.log(backend, first)
        assert self.output(backend, first, "tries") == "x"

    def test_a_submitter_that_is_killed_leaves_a_run_that_can_be_found(self, backend: ComputeBackend) -> None:
        request = self.request(backend, "print('survived')")
        self.in_another_process(_KILLED, backend, (request, "one"), status=-signal.SIGKILL)
        ref = backend.find("one")
        assert ref is not None
        assert self.log(backend, ref).decode().splitlines()[-1] == "survived"
        assert backend.status(ref).state is RunState.COMPLETED

    def test_one_that_is_killed_while_it_submits_can_submit_again(
        self, backend: ComputeBackend, tmp_path: Path
    ) -> None:
        request = self.request(backend, COUNTS + started_below(tmp_path))
        count = int(self.in_another_process(_CUT_OFF, backend, request))
        keys = ["cut-first", *(f"cut-{number}" for number in range(count))]
        refs = [backend.submit(request, key) for key in keys]
        assert [backend.find(key) for key in keys] == refs
        for ref in refs:
            self.log(backend, ref)
            assert self.output(backend, ref, "tries") == "x", f"{ref.key} was not started once"
        assert started(tmp_path) <= len(keys), "what a killed submitter had begun was started beside what is known"

    def test_many_that_submit_one_key_at_once_start_one_job(self, backend: ComputeBackend, tmp_path: Path) -> None:
        request = self.request(backend, COUNTS + started_below(tmp_path), files={"small.txt": "klein"})
        told = self.in_another_process(_AT_ONCE, backend, request)
        refs = [RunRef(**json.loads(line)) for line in told.splitlines()]
        assert refs == [backend.find("one")] * _SUBMITTERS
        self.log(backend, refs[0])
        assert self.output(backend, refs[0], "tries") == "x"
        assert started(tmp_path) <= 1

    def test_a_later_submission_goes_on_where_the_first_ended(self, backend: ComputeBackend) -> None:
        first = self.start(backend, COUNTS + "print('first')")
        before = self.log(backend, first)
        request = self.request(backend, COUNTS + "print('second')")
        assert backend.find("one-2", first) is None
        second = backend.submit(request, "one-2", after=first)
        assert backend.submit(request, "one-2", after=first) == second == backend.find("one-2", first)
        # Of one log, of which the second's begins where the first's ended.
        whole = self.log(backend, second)
        assert whole.startswith(before)
        assert whole.splitlines()[-1] == b"second"
        assert self.log(backend, second, cursor=len(before)) == whole[len(before) :]
        assert backend.status(second).state is RunState.COMPLETED
        assert self.output(backend, second, "tries") == "xx"

    def test_what_the_caller_has_in_its_environment_is_written_nowhere(
        self, backend: ComputeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secret = "hunter2-" + tmp_path.name
        monkeypatch.setenv("FLEDGE_CONTRACT_TOKEN", secret)
        request = self.request(backend, "print('done')")
        ref = backend.submit(request, "one")
        log = self.log(backend, ref)
        assert secret not in json.dumps([request.body, ref.details])
        assert secret.encode() not in log
        written = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        assert written == []


def started_below(folder: Path) -> str:
    """Code that leaves a mark for each process that executes it, where this machine's folders can be seen."""
    return f"place = pathlib.Path({str(folder)!r})\nif place.is_dir(): (place / f'started-{{os.getpid()}}').touch()\n"


def started(folder: Path) -> int:
    return len(list(folder.glob("started-*")))
