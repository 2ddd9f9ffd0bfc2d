"""QuietReporter: the reporter of a process whose run another process reports."""

from pathlib import Path
from typing import Any

from fledge.runs.journal import Journal
from fledge.runs.reporter import Reporter


class QuietReporter(Reporter):
    """Of many processes rank 0 tells; from the others the log has what goes wrong, and the journal nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.journal = _NoJournal(folder)

    def say(self, line: str) -> None: ...


class _NoJournal(Journal):
    def write(self, event: str, /, **fields: Any) -> None: ...
