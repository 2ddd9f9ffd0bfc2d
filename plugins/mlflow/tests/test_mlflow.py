"""Runs in an MLflow file, and what goes wrong on the way to MLflow."""

import json
import math
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fledge import RunError, RunInfo, SpecError, Tracker
from fledge.discovery.discover import discover
from fledge.testing.at_once import at_once
from fledge_mlflow.store import Store

# The fixtures of the core's tests.
from tests.conftest import base_environment, commands, fledge, fledge_in, install, sample_plugin, user_cache, warmth  # noqa: F401 -- fixtures

if TYPE_CHECKING:
    from mlflow.entities import Run

    from tests.conftest import Fledge

SCRIPT = """
import fledge
for step in range(3):
    fledge.log(step=step, loss=1 / (1 + step))
    fledge.log(counted=step / 7)
fledge.log(step=3, loss=float("nan"), odd=float("-inf"))
fledge.log(**{"top %": 1, "top #": 2, "../top": 3})
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all tests: to make one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    assert Store(path).client.search_experiments()
    return path


def tracker(place: Path | str) -> Tracker:
    made: Tracker = discover().make("tracker", "mlflow", {"uri": str(place)})
    return made


def started(place: Path | str, run: str, outputs: Path, **spec: Any) -> Tracker:
    made = tracker(place)
    made.start(RunInfo(run, "birds", {"seed": 0, **spec}, outputs))
    return made


def there(file: Path, run: str) -> "Run":
    client = Store(file).client
    experiments = [one.experiment_id for one in client.search_experiments()]
    (found,) = client.search_runs(experiments, f"tags.`fledge.run` = '{run}'")
    return found


def test_a_scripts_run_is_in_a_file_where_the_command_was_given(fledge: "Fledge") -> None:  # noqa: F811 -- a fixture
    (fledge.folder / "code").mkdir()
    (fledge.folder / "code" / "s.py").write_text(SCRIPT + "open('outputs/a.txt', 'w').write('kept')\n")
    fledge.environment.pop("MLFLOW_TRACKING_URI", None)
    done = fledge("run", "--script", "code/s.py", "--tracker", "mlflow", "--json")
    assert done.last["state"] == "COMPLETED"
    # Nothing of MLflow's own is among what the run says.
    assert "mlflow" not in done.err.lower().replace("--tracker mlflow", "")
    assert sorted(path.name for path in fledge.folder.iterdir()) == [
        ".fledge", "code", "mlartifacts", "mlflow.db", "mlflow.db.lock"
    ]  # fmt: skip
    seen = tracker(fledge.folder / "mlflow.db").history(done.last["run"])
    assert seen is not None
    assert [*seen["loss"]][:3] == [1, 1 / 2, 1 / 3]
    assert math.isnan(seen["loss"][3])
    assert seen["odd"] == [-math.inf]
    # Names that MLflow refuses are kept apart.
    assert sorted([*values] for key, values in seen.items() if "top" in key) == [[1], [2], [3]]
    run, client = there(fledge.folder / "mlflow.db", done.last["run"]), Store(fledge.folder / "mlflow.db").client
    assert [one.step for one in client.get_metric_history(run.info.run_id, "counted")] == [1, 2, 3]
    assert run.data.params["script.path"] == "code/s.py"
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["a.txt", "fledge"]
    assert not list((fledge.home / "runs").glob("*/code/ml*"))


def test_params_of_any_length_that_change_never_fail(file: Path, tmp_path: Path) -> None:
    first = started(file, "params", tmp_path, deep={"lr": 0.1})
    first.record([{"event": "params", "values": {"long": "x" * 9000, "classes": ["ä"], "nö %": None}}])
    again = started(file, "params", tmp_path, deep={"lr": 0.2})
    again.record([{"event": "params", "values": {"classes": ["b"]}}])
    run = there(file, "params")
    assert (run.data.params["deep.lr"], run.data.tags["fledge.changed.deep.lr"]) == ("0.1", "0.2")
    assert (run.data.params["classes"], run.data.tags["fledge.changed.classes"]) == ('["ä"]', '["b"]')
    assert run.data.params["long"].endswith("… (9000 characters)")


def test_the_lineage_is_tags_and_a_file(file: Path, tmp_path: Path) -> None:
    git = {"commit": "c0ffee", "branch": "main", "dirty": True, "remote": "https://me:secret@example.org/birds.git"}
    event = {"event": "lineage", "git": git, "packages": {"torch": "2.15.0"}, "hardware": {"cpus": 2}, "seed": 0}
    started(file, "lineage", tmp_path).record([{"event": "lineage", "git": None}, event])
    run, client = there(file, "lineage"), Store(file).client
    told = run.data.tags
    assert (told["mlflow.source.git.commit"], told["mlflow.source.git.branch"]) == ("c0ffee", "main")
    assert told["mlflow.source.git.repoURL"] == "https://example.org/birds.git"
    assert (told["fledge.git.dirty"], told["fledge.hardware.cpus"]) == ("true", "2")
    path = client.download_artifacts(run.info.run_id, "fledge/lineage.json", str(tmp_path))
    assert "secret" not in Path(path).read_text()


def test_many_that_begin_a_run_at_once_make_one(file: Path, tmp_path: Path) -> None:
    def begin(number: int) -> str:
        made = started(file, "at-once", tmp_path)
        made.record([metrics(number, epoch=number, values={"loss": number})])
        return "begun"

    assert at_once(begin, 3) == ["begun"] * 3
    assert tracker(file).history("at-once") == {"loss": [0, 1, 2]}


def metrics(second: int, **fields: Any) -> Mapping[str, Any]:
    return {"time": f"2026-01-01T00:00:{second:02}.000+00:00", "event": "metrics", **fields}


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://me:secret@127.0.0.1:1", "MLFLOW_TRACKING_USERNAME"),
        ("ftp://127.0.0.1", "neither a tracking server"),
    ],
)
def test_an_address_that_cannot_be_is_refused_before_the_run(uri: str, told: str) -> None:
    with pytest.raises(SpecError, match=told) as error:
        tracker(uri)
    assert "secret" not in str(error.value)


class _Strange(HTTPServer):
    """Answers everything with one status."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Stranger)
        self.status = status


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Strange)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"Oho!")

    do_POST = do_GET  # noqa: N815 -- http.server's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    with _Strange(request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("stranger", "told"),
    [
        (401, "asks for credentials\n  set MLFLOW_TRACKING_USERNAME"),
        (403, "asks for credentials"),
        (404, "is no MLflow server"),
        (500, "fails (HTTP status 500): its log says why"),
    ],
    indirect=["stranger"],
)
def test_what_a_server_refuses_is_told_in_a_sentence(
    stranger: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RunError) as error:
        started(stranger, "refused", tmp_path)
    assert told in str(error.value)
    assert stranger in error.value.message


def test_a_file_that_is_none_of_mlflows_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(json.dumps({"not": "a database"}) * 100)
    with pytest.raises(RunError, match=f"MLflow's file {path} is no SQLite file"):
        started(path, "notes", tmp_path)
