"""A browser without a screen, asked over WebDriver's protocol (W3C)."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# Root's browser runs in no sandbox; containers give it little shared memory.
_ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


class Browser:
    def __init__(self, session: httpx.Client) -> None:
        self._session = session

    def open(self, url: str) -> None:
        self._ask("url", url=url)

    def type(self, css: str, words: str) -> None:
        """Into a field; into one for files, the path of one to choose."""
        element = self._ask("element", using="css selector", value=css)[_ELEMENT]
        self._ask(f"element/{element}/value", text=words)

    def run(self, script: str, *words: object) -> Any:
        """What a script returns; a promise is waited for."""
        return self._ask("execute/sync", script=script, args=list(words))

    def command(self, name: str, **told: object) -> Any:
        """What one of Chromium's own (its DevTools protocol) returns."""
        return self._ask("goog/cdp/execute", cmd=name, params=told)

    def complaints(self) -> list[str]:
        """What its console has been told since it was asked last."""
        return [str(one["message"]) for one in self._ask("se/log", type="browser")]

    def _ask(self, what: str, **told: object) -> Any:
        answer = self._session.post(what, json=told)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]


@contextmanager
def browser() -> Iterator[Browser]:
    """Skips the test where there is no Chromium with its driver."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if not (driver and chromium):
        pytest.skip("no chromedriver and Chromium on this machine (Debian: chromium, chromium-driver)")
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "started successfully on port" in line)
        port = line.split()[-1].rstrip(".")
        address = f"http://127.0.0.1:{port}/session"
        options = {"binary": chromium, "args": _ARGUMENTS}
        told = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        wanted = {"capabilities": {"alwaysMatch": told}}
        try:
            made = httpx.post(address, json=wanted, timeout=60)
            assert made.status_code == 200, made.text
            with httpx.Client(base_url=f"{address}/{made.json()['value']['sessionId']}/", timeout=60) as session:
                yield Browser(session)
                session.delete("")
        finally:
            process.terminate()
