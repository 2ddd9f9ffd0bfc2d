"""How the history of runs is asked: of whole folders, by a token that is kept while it is good. And how long what the
service works at is waited for."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from fledge import RunError, UsageError
from fledge_azureml.patience_v2 import outcome
from fledge_azureml.request import WorkspaceName
from fledge_azureml.runs import Runs

NAME = WorkspaceName(subscription_id="s", resource_group="birds", workspace_name="aviary")
FILES = ("outputs/ended-0.json", "outputs/ended-1.json", "outputs/deep/ended-2.json", "outputs/x")


class History(ThreadingHTTPServer):
    """Tells of no run but of one's files; `refuses` with these first. asked: each path, and with which token."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.refuses: list[int] = []
        self.asked: list[tuple[str, str]] = []


class _Answer(BaseHTTPRequestHandler):
    server: History

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append((path, self.headers["Authorization"].removeprefix("Bearer ")))
        code = self.server.refuses.pop(0) if self.server.refuses else 200
        found = [{"path": one, "contentUri": f"of {one}"} for one in FILES if "/dcid.one/" in path]
        content = json.dumps({"value": found, "status": "Running"}).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        if code == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Given:
    token: str
    expires_on: int


class Credential:
    """Gives a token that is good for so long; given: whether each was to be a new one's."""

    def __init__(self, seconds: int) -> None:
        self.seconds, self.given = seconds, list[bool]()

    def __call__(self, renew: bool) -> Given:
        self.given.append(renew)
        return Given(f"token {len(self.given)}", int(time.time()) + self.seconds)


@pytest.fixture
def history() -> Iterator[History]:
    with History() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def runs(history: History, credential: Credential) -> Runs:
    return Runs(NAME, f"http://127.0.0.1:{history.server_port}", credential)


@pytest.mark.parametrize(("seconds", "given"), [(3600, 1), (299, 3)])
def test_a_token_is_kept_as_long_as_it_is_good(history: History, seconds: int, given: int) -> None:
    credential = Credential(seconds)
    asked = runs(history, credential)
    for _ in range(3):
        assert asked.details("one") is not None
    assert credential.given == [False] * given


def test_a_token_that_is_refused_is_renewed_once(history: History) -> None:
    credential, history.refuses = Credential(3600), [401, 429]
    asked = runs(history, credential)
    for _ in range(2):
        assert asked.details("one") is not None
    assert [token for _, token in history.asked] == ["token 1", "token 2", "token 2", "token 2"]
    assert credential.given == [False, True]
    history.refuses = [401, 401]
    with pytest.raises(UsageError, match="does not know who asks"):
        asked.details("one")


def test_files_are_asked_for_by_their_folder(history: History) -> None:
    found = runs(history, Credential(3600)).artifacts("one", "outputs/ended-")
    assert found == {path: f"of {path}" for path in FILES[:2]}
    assert history.asked[0][0].endswith("/ExperimentRun/dcid.one/outputs/")


class Poller:
    """As azure-core's, of something that is done after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def wait(self, timeout: float) -> None:
        self.left -= timeout

    def done(self) -> bool:
        return self.left <= 0

    def result(self) -> str:
        assert self.done(), "this would wait for ever"
        return "made"


def test_what_takes_too_long_is_not_asked_for_again() -> None:
    assert outcome(Poller(600), "it is not there") == "made"
    with pytest.raises(RunError, match="it is not there after 600 s") as raised:
        outcome(Poller(601), "it is not there")
    assert not raised.value.transient
