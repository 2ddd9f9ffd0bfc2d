"""The contract of backends finds what is wrong: for every promise there is a backend here that breaks it."""

import textwrap
from pathlib import Path

from tests.sabotage import Wrongs, breaking, caught, outcomes, subclasses, sweep

BACKENDS: Wrongs = {
    "Writing": (
        "def _plan(self, job):\n"
        "    self.home.mkdir(exist_ok=True); (self.home / 'plan').touch()\n"
        "    return super()._plan(job)",
        "planning_starts_and_writes_nothing",
    ),
    "Bare": (
        "def _start(self, folder, request, key):\n"
        "    request.body['environment'] = {}\n"
        "    return super()._start(folder, request, key)",
        "a_job_has_its_files_and_its_environment",
    ),
    "Twofold": (
        "def _submit(self, request, key, after):\n"
        "    return super()._submit(request, f'{key}-{uuid4().hex}', after)",
        "submitting_is_idempotent_by_key",
    ),
    "Forgetful": (
        "def _find(self, key, after): return super()._find(key, after) if key in self.mine else None",
        "a_submitter_that_is_killed_leaves_a_run_that_can_be_found",
    ),
    "Loose": (
        # What was started is written down a moment later.
        "def _submit(self, request, key, after):\n"
        "    known = self._find(key, after)\n"
        "    if known: return known\n"
        "    ref = super()._submit(request, f'{key}-{uuid4().hex}', after)\n"
        "    write_atomic(self.home / key, json.dumps(vars(ref)))\n"
        "    return ref\n"
        "def _find(self, key, after):\n"
        "    path = self.home / key\n"
        "    return RunRef(**json.loads(path.read_text())) if path.exists() else super()._find(key, after)",
        "one_that_is_killed_while_it_submits_can_submit_again",
    ),
    "Cautious": (
        # What is written down is never started, should its submitter be killed before it says so.
        "def _find(self, key, after):\n"
        "    path = self._folder(key, after) / 'ref.json'\n"
        "    return RunRef(**json.loads(path.read_text())) if path.exists() else None",
        "one_that_is_killed_while_it_submits_can_submit_again",
    ),
    "Racing": (
        "def _submit(self, request, key, after):\n"
        "    known = self._find(key, after)\n"
        "    if known: return known\n"
        "    time.sleep(0.5)\n"
        "    return super()._submit(request, f'{key}-{os.getpid()}', after)",
        "many_that_submit_one_key_at_once_start_one_job",
    ),
    "Fresh": (
        "def _folder(self, key, after): return self.home / 'runs' / key",
        "a_later_submission_goes_on_where_the_first_ended",
    ),
    "Relogging": (
        "def _start(self, folder, request, key):\n"
        "    (folder / 'log.txt').unlink(missing_ok=True)\n"
        "    return super()._start(folder, request, key)",
        "a_later_submission_goes_on_where_the_first_ended",
    ),
    "Indiscreet": (
        "def _write_job(self, folder, request):\n"
        "    super()._write_job(folder, request)\n"
        "    (folder / 'environment.json').write_text(json.dumps(dict(os.environ)))",
        "what_the_caller_has_in_its_environment_is_written_nowhere",
    ),
    "Vague": (
        "def _status(self, ref):\n"
        "    told = super()._status(ref)\n"
        "    return replace(told, state=RunState.FAILED) if told.state is RunState.LOST else told",
        "how_it_ended_is_said[killed]",
    ),
    "Parental": (
        "def _status(self, ref): return super()._status(ref) if ref.key in self.mine else Status(RunState.LOST)",
        "another_process_can_ask_and_cancel",
    ),
    "Early": (
        "def _status(self, ref): return replace(super()._status(ref), ended='2026-01-01T00:00:00+00:00')",
        "when_it_ended_is_said",
    ),
    "Zoneless": (
        "def _status(self, ref):\n"
        "    told = super()._status(ref)\n"
        "    return replace(told, ended=told.ended and told.ended.removesuffix('+00:00'))",
        "when_it_ended_is_said",
    ),
    "Drifting": (
        "def _status(self, ref):\n"
        "    told = super()._status(ref)\n"
        "    return replace(told, ended=told.ended and datetime.now(UTC).isoformat())",
        "when_it_ended_is_said",
    ),
    "Backdating": (
        "def _status(self, ref):\n"
        "    told = super()._status(ref)\n"
        "    return replace(told, ended=told.ended and '2026-01-01T00:00:00+00:00')",
        "when_it_ended_is_said",
    ),
    "Pretending": (
        "def _plan(self, job): return super()._plan(replace(job, retries=0))\n"
        "def _status(self, ref):\n"
        "    told = super()._status(ref)\n"
        "    return replace(told, state=RunState.COMPLETED) if told.state is RunState.LOST else told",
        "a_job_that_was_killed_is_started_again",
    ),
    "Backwards": (
        "def _read_log(self, ref, cursor):\n"
        "    chunk = super()._read_log(ref, cursor)\n"
        "    return LogChunk(chunk.data[::-1], chunk.cursor)",
        "logs_are_complete_and_in_order_from_any_cursor",
    ),
    "Linewise": (
        "def _read_log(self, ref, cursor):\n"
        "    chunk = super()._read_log(ref, cursor)\n"
        "    whole = super()._read_log(ref, 0).data\n"
        "    begins = cursor == 0 or whole[cursor - 1:cursor] == b'\\n'\n"
        "    rest = chunk.data if begins else chunk.data[chunk.data.find(b'\\n') + 1:]\n"
        "    return LogChunk(rest, chunk.cursor)",
        "logs_are_complete_and_in_order_from_any_cursor",
    ),
    "Nameless": (
        "def _cancel(self, ref): process(ref).signal(SIGTERM)",
        "canceling_is_idempotent[at once]",
    ),
    "Belated": (
        "def cancel(self, ref, timeout=30.0):\n"
        "    (folder(ref) / 'canceled').touch()\n"
        "    return super().cancel(ref, timeout)",
        "canceling_what_has_ended_changes_nothing",
    ),
    "Unwilling": (
        "def _cancel(self, ref):\n"
        "    if self._status(ref).state is RunState.QUEUED: raise RunError('it has not begun')\n"
        "    super()._cancel(ref)",
        "a_run_that_waits_can_be_canceled",
    ),
    "Rude": (
        "def _cancel(self, ref):\n"
        "    (folder(ref) / 'canceled').touch()\n"
        "    kill_job(ref)",
        "a_job_is_asked_and_may_save_before_it_is_killed",
    ),
    "Impatient": (
        "def _cancel(self, ref):\n"
        "    (folder(ref) / 'canceled').touch()\n"
        "    process(ref).signal(SIGTERM)\n"
        "    time.sleep(0.1)\n"
        "    kill_job(ref)",
        "a_job_is_asked_and_may_save_before_it_is_killed",
    ),
    "Anonymous": (
        "def _cancel(self, ref):\n"
        "    process(ref).signal(SIGTERM)\n"
        "    self._gone(process(ref), 10)\n"
        "    (folder(ref) / 'canceled').touch()",
        "a_job_is_asked_and_may_save_before_it_is_killed",
    ),
    "Careless": (
        "def _cancel(self, ref):\n"
        "    (folder(ref) / 'canceled').touch()\n"
        "    process(ref).signal(SIGKILL)\n"
        "def _status(self, ref):\n"
        # It never gets to where the honest one would end them.
        "    if not (folder(ref) / 'canceled').exists(): return super()._status(ref)\n"
        "    return Status(RunState.RUNNING if process(ref).alive() else RunState.CANCELED)",
        "nothing_that_it_started_outlives_its_cancellation",
    ),
    "Possessive": (
        "def _cancel(self, ref):\n"
        "    if ref.key not in self.mine: raise RunError('it is another process that submitted it')\n"
        "    super()._cancel(ref)",
        "another_process_can_ask_and_cancel",
    ),
    "Truncating": (
        "def _fetch(self, ref, pattern, dest, progress):\n"
        "    found = super()._fetch(ref, pattern, dest, progress)\n"
        "    for path in found: os.truncate(path, min(path.stat().st_size, 1 << 20))\n"
        "    return found",
        "large_outputs_are_fetched_whole",
    ),
    "Rewriting": (
        "def _fetch(self, ref, pattern, dest, progress):\n"
        "    found = super()._fetch(ref, pattern, dest, progress)\n"
        "    for path in found: path.write_bytes(path.read_bytes())\n"
        "    return found",
        "outputs_are_fetched_whole_and_again",
    ),
    "Crossing": (
        "def _fetch(self, ref, pattern, dest, progress):\n"
        "    found = sorted(path for path in folder(ref).glob(pattern) if path.is_file())\n"
        "    targets = [dest / path.relative_to(folder(ref)) for path in found]\n"
        "    for path, target in zip(found, targets):\n"
        "        if target.exists() and target.read_bytes() == path.read_bytes(): continue\n"
        "        target.parent.mkdir(parents=True, exist_ok=True)\n"
        "        part = target.with_name(f'.{target.name}.part')\n"
        "        part.write_bytes(path.read_bytes())\n"
        "        time.sleep(0.05)\n"
        "        part.replace(target)\n"
        "    return targets",
        "many_who_fetch_the_same_at_once_all_have_it",
    ),
    "Narrow": (
        "def _fetch(self, ref, pattern, dest, progress):\n"
        "    if not pattern.startswith('outputs'): raise UsageError('there are outputs alone')\n"
        "    return super()._fetch(ref, pattern, dest, progress)",
        "what_it_keeps_can_be_had_while_it_runs_and_afterwards",
    ),
    "Mingling": (
        "def _read_log(self, ref, cursor):\n"
        "    newest = max(path for path in (self.home / 'runs').iterdir())\n"
        "    return super()._read_log(replace(ref, details={**ref.details, 'folder': str(newest)}), cursor)",
        "two_runs_at_once_keep_apart",
    ),
    "Sharing": (
        "def _start(self, folder, request, key):\n"
        "    (folder / 'outputs').rmdir()\n"
        "    (self.home / 'outputs').mkdir(exist_ok=True)\n"
        "    (folder / 'outputs').symlink_to(self.home / 'outputs')\n"
        "    return super()._start(folder, request, key)",
        "two_runs_at_once_keep_apart",
    ),
    "Sweeping": (
        "def _cancel(self, ref):\n"
        "    for path in self.home.glob('runs/*/ref.json'):\n"
        "        super()._cancel(RunRef(**json.loads(path.read_text())))",
        "two_runs_at_once_keep_apart",
    ),
    "Dramatic": ("def check(self): return [Finding('fatal', 'all is lost')]", "what_doctor_is_to_say_is_findings"),
    "Chatty": ("def check(self): return ['all is well']", "what_doctor_is_to_say_is_findings"),
}  # fmt: skip
HEAD = """
    import json
    import os
    import time
    from dataclasses import replace
    from datetime import UTC, datetime
    from pathlib import Path
    from signal import SIGKILL, SIGTERM
    from uuid import uuid4

    import psutil
    from fledge import Finding, LogChunk, RunError, RunRef, RunState, Status, UsageError, write_atomic
    from fledge_local.backend import Local
    from fledge_local.process import ProcessIdentity


    class Base(Local):
        def __init__(self, *told):
            super().__init__(*told)
            self.mine = set()

        def submit(self, request, key, after=None):
            self.mine.add(key)
            return super().submit(request, key, after)

        def __reduce__(self):
            # Another process has submitted nothing.
            return type(self), (self.options, self.home)


    def folder(ref):
        return Path(ref.details["folder"])


    def process(ref):
        return ProcessIdentity.from_dict(ref.details)


    def kill_job(ref):
        psutil.Process(json.loads((folder(ref) / "running.json").read_text())["pid"]).kill()
"""
TEST = """

class Test{name}(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path):
        return wrongs.{name}(LocalOptions(slots=4), tmp_path / "home")
"""


def test_a_backend_that_breaks_a_promise_is_caught(tmp_path: Path) -> None:
    (tmp_path / "wrongs.py").write_text(textwrap.dedent(HEAD) + subclasses("Base", BACKENDS))
    code = "import pytest\nimport wrongs\nfrom fledge.testing import BackendContract\n"
    code += "from fledge_local.options import LocalOptions\n"
    code += "".join(TEST.format(name=name) for name in BACKENDS)
    try:
        caught(outcomes(tmp_path, code, breaking(BACKENDS)), BACKENDS)
    finally:
        # What they left running.
        sweep(tmp_path)
