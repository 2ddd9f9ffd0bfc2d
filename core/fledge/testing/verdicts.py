"""A pytest plugin for `check`: a line of JSON for each promise, to the file descriptor that FLEDGE_VERDICTS names."""

import json
import os
import signal
from collections.abc import Generator
from typing import Any

import pytest

from fledge.testing.check import VARIABLE

_LONGEST_SECONDS = 300


class Verdicts:
    """Outcomes: "passed", "failed", and "not applicable", which is what a contract means by a skip."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = os.fdopen(descriptor, "w")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        promise = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        if report.skipped and hasattr(report, "wasxfail"):
            self._tell(promise, "failed", f"as its author says: {report.wasxfail}", "")
        elif report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._tell(promise, "not applicable", why.removeprefix("Skipped: "), "")
        elif report.failed:
            self._tell(promise, "failed", _last_line(report), report.longreprtext)
        elif report.when == "call":
            self._tell(promise, "passed", "", "")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        # An unfinished backend's run may never end, and whoever writes one is who asks.
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(_LONGEST_SECONDS)
        try:
            return (yield)
        finally:
            signal.alarm(0)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._tell("the plugin can be tested", "failed", _last_line(report), report.longreprtext)

    def _tell(self, promise: str, outcome: str, why: str, details: str) -> None:
        told = {"promise": promise, "outcome": outcome, "why": why, "details": details}
        self._pipe.write(json.dumps(told) + "\n")
        self._pipe.flush()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Verdicts(int(os.environ[VARIABLE])))


def _too_long(*_: object) -> None:
    raise AssertionError(f"nothing came of it in {_LONGEST_SECONDS} s")


def _last_line(report: Any) -> str:
    """What went wrong, in pytest's words."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return (
        str(crash.message).splitlines()[0] if crash and crash.message else report.longreprtext.strip().splitlines()[-1]
    )
