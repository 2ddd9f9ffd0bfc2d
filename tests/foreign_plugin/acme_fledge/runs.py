"""Runs: what a server keeps on disk, and all that it knows. Another server finds it there."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acme_fledge.belongings import end_all, marks
from acme_fledge.records import exit_file, is_kept, read, write
from acme_fledge.refusal import Refusal, checked_name


class Runs:
    """`runs/RUN/` is a job's own folder (FLEDGE_RUN_DIR), `records/RUN/` what is known of it, with its log."""

    def __init__(self, folder: Path, grace: float) -> None:
        self._runs, self._records = folder / "runs", folder / "records"
        self._grace = grace
        self._submitting = threading.Lock()
        for made in (self._runs, self._records):
            made.mkdir(exist_ok=True)

    def __len__(self) -> int:
        return sum(1 for _ in self._records.iterdir())

    def has(self, run: str, key: str) -> bool:
        records = self._records_of(run)
        return read(records / "current.json").get("key") == key or exit_file(records, checked_name(key)).exists()

    def submit(self, run: str, key: str, job: Mapping[str, Any], sources: Path) -> None:
        """Start it, with the files below `sources`, which are moved. Does nothing where the key is known."""
        with self._submitting:
            if self.has(run, key):
                return
            if key != run and not self._records_of(run).is_dir():
                raise Refusal(f"there is no run {run} here to go on with", "start a new one")
            self._wait_for_last(run)
            self._lay_out(run, sources)
            argv = [sys.executable if word == "python" and at == 0 else word for at, word in enumerate(job["argv"])]
            told = {"argv": argv, "retries": job["retries"], "grace": self._grace}
            write(self._records_of(run) / "job.json", told)
            self._start(run, key, job["environment"])

    def status(self, run: str, key: str) -> dict[str, Any]:
        """alive; of one that is not: code, None where nobody knows, canceled and when it ended."""
        records = self._known(run, key)
        # Asked before its last word is looked for: a keeper that ends between the two has left it.
        current = read(records / "current.json").get("key") == key
        alive = current and is_kept(records)
        told = read(exit_file(records, key))
        if told or alive:
            return {"alive": not told, **told}
        # Its keeper was killed, and nobody else watches what it had started.
        end_all(marks(self._folder_of(run), key))
        canceled = current and (self._folder_of(run) / "canceled").exists()
        return {"alive": False, "code": None, "canceled": canceled, "ended": _changed(records / "log.txt")}

    def cancel(self, run: str, key: str) -> None:
        records = self._known(run, key)
        current = read(records / "current.json")
        if current.get("key") == key and is_kept(records):
            (self._folder_of(run) / "canceled").touch()
            with suppress(ProcessLookupError):
                os.kill(current["pid"], signal.SIGTERM)

    def log(self, run: str, key: str, cursor: int, size: int) -> bytes:
        with (self._known(run, key) / "log.txt").open("rb") as file:
            file.seek(cursor)
            return file.read(size)

    def folder(self, run: str, key: str) -> Path:
        """The job's own."""
        self._known(run, key)
        return self._folder_of(run)

    def _folder_of(self, run: str) -> Path:
        return self._runs / checked_name(run)

    def _records_of(self, run: str) -> Path:
        return self._records / checked_name(run)

    def _known(self, run: str, key: str) -> Path:
        """Its records. A server that was given another's folder must not call that one's runs lost."""
        if not self.has(run, key):
            hint = f"start the server with the folder that it had: it was given {self._runs.parent}"
            raise Refusal(f"the server has no run {run}", hint)
        return self._records_of(run)

    def _wait_for_last(self, run: str) -> None:
        records = self._records_of(run)
        while is_kept(records):
            if not exit_file(records, read(records / "current.json")["key"]).exists():
                raise Refusal(f"run {run} has not ended, and cannot be submitted once more", "cancel it first")
            # Its keeper has said its last word, and is on its way out.
            time.sleep(0.01)

    def _lay_out(self, run: str, sources: Path) -> None:
        self._records_of(run).mkdir(exist_ok=True)
        for name in ("code", "outputs", "logs"):
            # A script's are links to what is in code/, which it may have removed.
            (self._folder_of(run) / name).resolve().mkdir(parents=True, exist_ok=True)
        for source in [path for path in sources.rglob("*") if path.is_file()]:
            target = self._folder_of(run) / "code" / source.relative_to(sources)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)

    def _start(self, run: str, key: str, environment: Mapping[str, str]) -> None:
        records = self._records_of(run)
        with (records / "log.txt").open("ab") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "acme_fledge.keeper", str(records), str(self._folder_of(run)), key],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self.has(run, key):
            if keeper.poll() is not None and not self.has(run, key):
                raise Refusal(f"run {run} was not started: its keeper ended with exit status {keeper.returncode}")
            time.sleep(0.01)
        # Waited for, lest it stays a zombie of a server that lives on.
        threading.Thread(target=keeper.wait, daemon=True).start()


def _changed(path: Path) -> str | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
    except FileNotFoundError:
        return None
