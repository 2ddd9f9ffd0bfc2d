"""The engine that plays Azure Machine Learning's compute, and fledge's jobs on it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomli_w
from azure_upload import COMMAND, free, until, upload
from fledge_azureml_node.layout import FILES
from loopback.engine import FINAL, PREEMPTED, Engine, Task, Told
from safetensors.torch import load_file

from tests.many import close

WAITS = "echo up; sleep 600"
# A process that does not listen, in a session of its own.
_HOLDS = """
import fcntl, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "engine", Path(sys.executable), {"OMP_NUM_THREADS": "1"})
    yield engine
    engine.close()


Start = Callable[..., str]


@pytest.fixture
def start(engine: Engine, tmp_path: Path) -> Start:
    """Starts a job: a shell's command, or an uploaded folder whose node program is the command."""

    def start(command: str = COMMAND, code: Path | None = None, name: str = "one", **told: Any) -> str:
        (tmp_path / "nothing").mkdir(exist_ok=True)
        engine.start(Task(name, code or tmp_path / "nothing", command, **{"room": told.get("nodes", 1), **told}))
        return name

    return start


def ended(engine: Engine, name: str) -> Told:
    until(lambda: engine.status(name).state in FINAL)
    return engine.status(name)


def said(engine: Engine, name: str, log: str = "std_log.txt") -> str:
    found = engine.files(name).get(f"user_logs/{log}")
    return found.read_text() if found else ""


def history(engine: Engine, name: str) -> dict[str, str]:
    """What it left, but for its logs and how it ended."""
    files = engine.files(name)
    return {
        path: file.read_text() for path, file in files.items() if not path.startswith(("user_logs/", "outputs/ended"))
    }


# -- the service's part


def test_a_command_has_its_folder_its_variables_and_a_history(engine: Engine, start: Start, tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "deep").mkdir(parents=True)
    (code / "deep" / "ü").write_text("uploaded")
    command = "cat deep/ü; echo $COLOUR $AZUREML_RUN_ID $0; env > logs/env; echo err >&2; echo b > outputs/b"
    start(command, code, environment={"COLOUR": "red"})
    told = ended(engine, "one")
    assert (told.state, told.reason, told.exit_code) == ("Completed", "", 0)
    assert told.started is not None
    assert told.ended is not None
    assert told.started <= told.ended
    assert said(engine, "one") == "uploadedred one /bin/bash\nerr\n"
    files = history(engine, "one")
    assert (set(files), files["outputs/b"]) == ({"logs/env", "outputs/b"}, "b\n")
    assert {line.partition("=")[0] for line in files["logs/env"].splitlines()} >= {"HOME", "PATH", "OMP_NUM_THREADS"}
    # The machine is another one: what its player's own environment has is not there.
    assert "PYTEST_CURRENT_TEST" not in files["logs/env"]
    # What is uploaded is nobody's to change.
    assert [path.name for path in code.iterdir()] == ["deep"]


def test_python_is_the_interpreter_that_was_told(engine: Engine, start: Start) -> None:
    start('python -c "import sys; print(sys.executable)"')
    assert ended(engine, "one").state == "Completed"
    assert said(engine, "one").strip() == sys.executable


@pytest.mark.parametrize(("end", "status"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_how_it_failed_is_said_in_the_services_words(engine: Engine, start: Start, end: str, status: int) -> None:
    start(f"echo my last word; {end}")
    told = ended(engine, "one")
    assert (told.state, told.exit_code) == ("Failed", status)
    assert f"exited with status code {status}" in told.reason
    assert "user_logs/std_log.txt" in told.reason
    assert told.reason.endswith("my last word")


_SHOWS = "echo $RANK $LOCAL_RANK $WORLD_SIZE $NODE_RANK $MASTER_ADDR ${MASTER_PORT:+port}; pwd -P"
_SHOWS_MPI = (
    "echo $OMPI_COMM_WORLD_RANK $OMPI_COMM_WORLD_LOCAL_RANK $OMPI_COMM_WORLD_SIZE $OMPI_COMM_WORLD_LOCAL_SIZE "
    "$AZ_BATCH_MASTER_NODE $AZ_BATCHAI_MPI_MASTER_NODE ${MASTER_ADDR:+given}; pwd -P"
)


@pytest.mark.parametrize(
    ("distribution", "command", "says"),
    [
        ("pytorch", _SHOWS, ["0 0 4 0", "1 1 4 0", "2 0 4 1", "3 1 4 1"]),
        ("mpi", _SHOWS_MPI, ["0 0 4 2", "1 1 4 2", "2 0 4 2", "3 1 4 2"]),
    ],
)
def test_every_rank_has_its_variables_and_log_and_every_node_its_folder(
    engine: Engine, start: Start, distribution: str, command: str, says: list[str]
) -> None:
    where = " 127.0.0.1 port" if distribution == "pytorch" else " 127.0.0.1:6000 127.0.0.1"
    start(command, nodes=2, processes_per_node=2, distribution=distribution)
    assert ended(engine, "one").state == "Completed"
    logs = [said(engine, "one", f"std_log_process_{rank:02}.txt").splitlines() for rank in range(4)]
    assert [line for line, _ in logs] == [one + where for one in says]
    places = [place for _, place in logs]
    assert places[0] == places[1] != places[2] == places[3]


def test_jobs_of_a_cluster_wait_for_its_nodes_in_order(engine: Engine, start: Start) -> None:
    start(WAITS, name="first", nodes=1, room=2)
    until(lambda: "up" in said(engine, "first"))
    start(WAITS, name="second", nodes=2, room=2, distribution="mpi")
    start("true", name="third", nodes=1, room=2)
    start("true", name="elsewhere", cluster="other")
    assert ended(engine, "elsewhere").state == "Completed"
    for name in ("second", "third"):
        assert engine.status(name).state == "Queued"
    assert engine.status("second").reason == "waits for 2 of the 2 nodes of cluster: 1 are wanted by jobs before it"
    engine.cancel("second")
    assert ended(engine, "second") == Told("Canceled", ended=engine.status("second").ended)
    assert ended(engine, "third").state == "Completed"
    assert engine.status("first").state == "Running"


def test_a_name_is_one_job(engine: Engine, start: Start) -> None:
    start("echo first")
    start("echo second")
    ended(engine, "one")
    assert said(engine, "one") == "first\n"
    with pytest.raises(KeyError):
        engine.status("two")


def test_a_canceled_job_is_asked_and_then_killed_with_all_that_it_started(
    engine: Engine, start: Start, tmp_path: Path
) -> None:
    code = upload(tmp_path / "code", argv=["python", "-c", _HOLDS, str(tmp_path / "lock")], grace=0.2)
    start(code=code)
    until(lambda: "up" in said(engine, "one"))
    engine.cancel("one")
    assert engine.status("one").state == "CancelRequested"
    told = ended(engine, "one")
    assert (told.state, told.exit_code) == ("Canceled", 137)
    assert json.loads(engine.files("one")["outputs/ended-0.json"].read_text())["asked"]
    assert free(tmp_path / "lock")
    engine.cancel("one")
    assert engine.status("one") == told


def test_a_rank_that_fails_ends_the_others(engine: Engine, start: Start) -> None:
    first = "trap 'echo asked; exit 75' TERM; echo up; touch up; sleep 600 & wait"
    other = "until [ -e up ]; do sleep 0.05; done; exit 4"
    start(f"if [ $RANK = 0 ]; then {first}; else {other}; fi", processes_per_node=2, distribution="pytorch")
    told = ended(engine, "one")
    assert (told.state, told.exit_code) == ("Failed", 4)
    assert "user_logs/std_log_process_01.txt" in told.reason
    assert said(engine, "one", "std_log_process_00.txt") == "up\nasked\n"


def test_nothing_is_left_of_an_evicted_job(engine: Engine, start: Start, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "holds.py").write_text(_HOLDS)
    start(f"setsid python holds.py {tmp_path / 'lock'} & {WAITS}")
    until(lambda: said(engine, "one").count("up") == 2)
    engine.evict("one")
    told = ended(engine, "one")
    assert (told.state, told.reason, told.exit_code) == ("Failed", PREEMPTED, None)
    assert free(tmp_path / "lock")


def test_nothing_is_left_when_it_is_closed(engine: Engine, start: Start) -> None:
    # Of other tests, in the same process.
    before = psutil.Process().children(recursive=True)
    start(WAITS)
    until(lambda: "up" in said(engine, "one"))
    engine.close()
    after = [one for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
    assert set(after) <= set(before)
    engine.start(Task("two", Path(), "true"))
    with pytest.raises(KeyError):
        engine.status("two")


# -- fledge's jobs

_TRIES = """
import os, pathlib, time
tries = pathlib.Path(os.environ["FLEDGE_RUN_DIR"], "outputs", "tries")
before = tries.read_text() if tries.exists() else ""
tries.write_text(before + "x")
print("tries", len(before), flush=True)
time.sleep(0 if before else 600)
"""


def test_an_evicted_job_goes_on_elsewhere(engine: Engine, start: Start, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    start(code=upload(tmp_path / "code", _TRIES), kept=kept)
    until((kept / FILES / "outputs" / "tries").exists)
    # Uploaded while it runs.
    until(lambda: history(engine, "one") == {"outputs/outputs/tries": "x"})
    engine.evict("one", requeue=True)
    assert ended(engine, "one").state == "Completed"
    assert said(engine, "one") == "tries 0\ntries 1\n"
    assert history(engine, "one") == {"outputs/outputs/tries": "xx"}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a plugin that is installed nowhere."""
    target, source = tmp_path_factory.mktemp("wheel"), Path(__file__).parents[3] / "tests" / "sample_plugin"
    told = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(source)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *told], check=True)
    (wheel,) = target.iterdir()
    return wheel


WORKER = ("python", "-P", "-m", "fledge.worker", "spec.toml")


def training(folder: Path, plugin: Path, slow: float = 0.0, launcher: str = "torchrun", **told: Any) -> Path:
    """The upload of one that is exact: as many processes as there are come to the same weights.

    slow: seconds that a batch takes longer, for one that is met in the middle.
    """
    spec: dict[str, Any] = {
        "experiment": "dots",
        "dataset": {"name": "dots", "train": 25, "val": 13},
        "model": {"name": "tiny", "dropout": 0.0, "slow": slow},
        "training": {
            "epochs": 3, "batch_size": 8, "device": "cpu", "lr": 0.05, "freeze_batchnorm": True, "checkpoint_every": 2,
            "precision": "fp32",
        },
        "launcher": {"name": launcher if told else "single"},
    }  # fmt: skip
    code = upload(folder, argv=WORKER, files={"spec.toml": tomli_w.dumps(spec)}, **told)
    shutil.copy(plugin, code / ".fledge-azureml" / "wheels")
    return code


def has_checkpoint(kept: Path) -> bool:
    return any(kept.glob(f"{FILES}/checkpoints/*/checkpoint.json"))


def journal(engine: Engine, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in engine.files(name)["outputs/journal.jsonl"].read_text().splitlines()]


@pytest.mark.parametrize(
    ("distribution", "launcher"),
    [("pytorch", "torchrun"), pytest.param("mpi", "horovod", marks=pytest.mark.horovod), ("mpi", "torchrun")],
)
def test_a_training_comes_to_its_model_and_so_do_its_ranks(
    engine: Engine, start: Start, plugin: Path, tmp_path: Path, distribution: str, launcher: str
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    start(code=training(tmp_path / "alone", plugin), name="alone", kept=kept)
    shape = {"nodes": 2, "processes_per_node": 1}
    start(
        code=training(tmp_path / "many", plugin, launcher=launcher, **shape),
        name="many",
        distribution=distribution,
        cluster="other",
        **shape,
    )
    for name in ("alone", "many"):
        assert ended(engine, name).state == "Completed", said(engine, name) + said(
            engine, name, "std_log_process_00.txt"
        )
        told = journal(engine, name)
        assert [one["state"] for one in told if one["event"] == "state"][-1] == "COMPLETED"
        assert any(one["event"] == "trained" for one in told)
    alone, many = (engine.files(name)["outputs/outputs/last.safetensors"] for name in ("alone", "many"))
    close(load_file(alone), load_file(many))
    assert (kept / FILES / "outputs" / "last.safetensors").read_bytes() == alone.read_bytes()
    # The worker's own last act; it has nothing to come back to.
    assert not list((kept / FILES).rglob("checkpoint*"))


def test_a_training_that_is_evicted_comes_to_the_weights_that_it_would_have(
    engine: Engine, start: Start, plugin: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    start(code=training(tmp_path / "peaceful", plugin), name="peaceful")
    start(code=training(tmp_path / "evicted", plugin, slow=0.3), name="evicted", kept=kept, cluster="other")
    until(lambda: has_checkpoint(kept) or engine.status("evicted").state in FINAL)
    engine.evict("evicted", requeue=True)
    for name in ("peaceful", "evicted"):
        assert ended(engine, name).state == "Completed", said(engine, name)
    assert "resumed from a checkpoint" in said(engine, "evicted")
    peaceful, evicted = (
        [one["weights_sha256"] for one in journal(engine, name) if one["event"] == "trained"]
        for name in ("peaceful", "evicted")
    )
    assert peaceful == evicted


def test_the_ranks_of_a_training_that_a_person_cancels_write_what_they_have(
    engine: Engine, start: Start, plugin: Path, tmp_path: Path
) -> None:
    kept, shape = tmp_path / "kept", dict[str, Any](nodes=2, processes_per_node=1)
    kept.mkdir()
    code = training(tmp_path / "code", plugin, slow=0.3, **shape)
    start(code=code, kept=kept, distribution="pytorch", **shape)
    until(lambda: has_checkpoint(kept) or engine.status("one").state in FINAL)
    (kept / "canceled-one").touch()
    engine.cancel("one")
    assert ended(engine, "one").state == "Canceled"
    states = [one["state"] for one in journal(engine, "one") if one["event"] == "state"]
    assert states[-1] == "CANCELED", said(engine, "one", "std_log_process_00.txt")
    written = [one for one in journal(engine, "one") if one["event"] == "checkpoint"]
    assert len(list(kept.glob(f"{FILES}/checkpoints/*/checkpoint.json"))) == min(2, len(written))
    assert json.loads(engine.files("one")["outputs/ended-0.json"].read_text())["code"] == 75


def test_a_persons_wish_that_one_rank_hears_first_is_what_all_end_as(
    engine: Engine, start: Start, plugin: Path, tmp_path: Path
) -> None:
    kept, shape = tmp_path / "kept", dict[str, Any](nodes=2, processes_per_node=1)
    kept.mkdir()
    start(code=training(tmp_path / "code", plugin, slow=0.3, **shape), kept=kept, distribution="pytorch", **shape)
    until(lambda: has_checkpoint(kept) or engine.status("one").state in FINAL)
    second = tmp_path / "engine" / "one" / "attempt-0" / "node-1" / "wd"
    (second / ".run" / "canceled").touch()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if "fledge.worker" in process.cmdline() and process.cwd() == str(second / "work"):
                process.terminate()
    ended(engine, "one")
    states = [one["state"] for one in journal(engine, "one") if one["event"] == "state"]
    assert states[-1] == "CANCELED", said(engine, "one", "std_log_process_00.txt")
