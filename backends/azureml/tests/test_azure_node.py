"""What runs on a node of Azure Machine Learning, as real processes with the service's variables."""

import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from azure_upload import FIRST, PYTORCH, RUN_DIR, Rank, free, run, until, upload, wheel
from fledge_azureml_node import record
from fledge_azureml_node.keeper import Asked, Keeper
from fledge_azureml_node.layout import FILES
from fledge_azureml_node.place import Place
from fledge_azureml_node.preparation import Preparation
from fledge_azureml_node.trouble import NotReadyError

MPI = {
    "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "AZ_BATCH_MASTER_NODE": "10.0.0.4:6000",
    "AZ_BATCHAI_MPI_MASTER_NODE": "10.0.0.4", "AZUREML_RUN_ID": "one",
}  # fmt: skip
_TELLS = (
    "import json, os\nnames = 'RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE NODE_RANK MASTER_ADDR MASTER_PORT'.split()\n"
    "print(json.dumps([os.environ.get(name) for name in names]))"
)


def ended(folder: Path, rank: int = 0) -> dict[str, object]:
    told: dict[str, object] = json.loads((folder / "outputs" / f"ended-{rank}.json").read_text())
    return told


# -- ranks


@pytest.mark.parametrize("variables", [PYTORCH, MPI], ids=["pytorch", "mpi"])
def test_a_rank_is_known_by_either_kind_of_variables(variables: dict[str, str]) -> None:
    place = Place.of(variables, processes_per_node=2)
    assert (place.rank, place.local_rank, place.world_size, place.local_world_size, place.node) == (3, 1, 4, 2, 1)
    assert place.address == "10.0.0.4"
    assert place.port == 6105 if variables is PYTORCH else 20_000 <= place.port < 30_000


def test_under_mpi_ranks_meet_at_one_port_which_is_another_jobs_no_more_than_by_chance() -> None:
    ports = {name: Place.of({**MPI, "AZUREML_RUN_ID": name}, 2).port for name in ("one", "two", "three")}
    assert len(set(ports.values())) == 3
    first = {**MPI, "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}
    assert Place.of(first, 2).port == ports["one"]
    assert Place.of({**MPI, "MASTER_PORT": "7"}, 2).port == 7


def test_a_node_of_mpi_has_its_address_without_azure_batch_too() -> None:
    alone = {name: value for name, value in MPI.items() if name != "AZ_BATCH_MASTER_NODE"}
    assert Place.of(alone, 2).address == "10.0.0.4"


def test_a_rank_that_is_told_by_half_is_an_error_in_words(tmp_path: Path) -> None:
    said = "error: the service names a rank, and does not tell the rest of it: 'LOCAL_RANK'\n"
    assert run(upload(tmp_path / "code", "print('begins')"), {"RANK": "0"}) == (1, said)


def test_a_job_finds_its_rank_in_torchruns_variables(tmp_path: Path) -> None:
    folder = upload(tmp_path / "code", _TELLS, processes_per_node=2)
    ranks = [Rank.start(folder, told, number=number) for number, told in enumerate((FIRST, PYTORCH))]
    assert [rank.ended() for rank in ranks] == [0, 0]
    where = ["4", "2", "1", "10.0.0.4", "6105"]
    assert [json.loads(rank.said()) for rank in ranks] == [["2", "0", *where], ["3", "1", *where]]


def test_one_that_is_alone_has_none(tmp_path: Path) -> None:
    assert json.loads(run(upload(tmp_path / "code", _TELLS))[1]) == [None] * 7


# -- what a job finds


def test_a_job_has_its_files_with_their_modes_its_variables_and_its_folder(tmp_path: Path) -> None:
    code = RUN_DIR + (
        "print(open('deep/ü.txt').read(), os.access('run.sh', os.X_OK), os.environ['COLOUR'],\n"
        "      os.environ['FLEDGE_RUN_ID'], sorted(path.name for path in run.iterdir()), os.getcwd() == sys.argv[1])"
    )
    folder = tmp_path / "code"
    argv = ["python", "-c", code, str(folder / "work")]
    files = {"deep/ü.txt": "from the snapshot", "run.sh": "true"}
    upload(folder, argv=argv, files=files, modes={"run.sh": 0o755}, environment={"COLOUR": "red"}, run="r1")
    assert run(folder) == (0, "from the snapshot True red r1 ['logs', 'outputs'] True\n")
    assert ended(folder) == {"code": 0, "asked": False, "reason": ""}


_READS = "import pathlib; print(pathlib.Path('.fledge-data/dataset.root/photos/1.jpg').read_text())"


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("sweep", [False, True], ids=["alone", "a trial"])
def test_what_a_job_reads_is_in_the_mounted_folder(tmp_path: Path, rank: int, sweep: bool) -> None:
    photos = tmp_path / "data" / "dataset.root" / "photos"
    photos.mkdir(parents=True)
    (photos / "1.jpg").write_text("a hen")
    values = {"lr": {"key": "training.lr", "whole": False}} if sweep else {}
    folder = upload(tmp_path / "code", _READS, data=".fledge-data", values=values, nodes=2)
    variables = {"RANK": str(rank), "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "here", "MASTER_PORT": "1"}
    words = ["--lr", "0.1"] if sweep else []
    told = run(folder, variables | {"AZUREML_RUN_ID": "one_0"}, data=tmp_path / "data", words=words)
    assert told == (0, "a hen\n")
    # As SDK v1 has it.
    variables["AZUREML_DATAREFERENCE_data"] = str(tmp_path / "data")
    assert run(folder, variables | {"AZUREML_RUN_ID": "one_1"}, words=words) == told


def test_one_that_reads_and_has_no_mount_is_told(tmp_path: Path) -> None:
    code, said = run(upload(tmp_path / "code", _READS, data=".fledge-data"))
    assert code != 0
    assert "has mounted no folder" in said


@pytest.mark.parametrize(
    ("code", "status", "told"), [("raise SystemExit(3)", 3, 3), ("import os; os.kill(os.getpid(), 9)", 137, -9)]
)
def test_it_ends_as_the_job_did(tmp_path: Path, code: str, status: int, told: int) -> None:
    folder = upload(tmp_path / "code", code)
    assert run(folder)[0] == status
    assert ended(folder)["code"] == told


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = upload(tmp_path / "code", argv=["no-such-command"])
    assert run(folder) == (127, "error: no-such-command cannot be started: No such file or directory\n")
    assert "cannot be started" in str(ended(folder)["reason"])


@pytest.mark.parametrize(
    ("preemptible", "environment", "told"),
    [
        (False, {}, "None"),
        (True, {}, "http://169.254.169.254/metadata"),
        (True, {"FLEDGE_PREEMPTION_URL": "http://here"}, "http://here"),
    ],
)
def test_a_job_whose_machine_may_be_taken_away_knows_whom_to_ask(
    tmp_path: Path, preemptible: bool, environment: dict[str, str], told: str
) -> None:
    code = "import os; print(os.environ.get('FLEDGE_PREEMPTION_URL'))"
    folder = upload(tmp_path / "code", code, preemptible=preemptible, environment=environment)
    assert run(folder) == (0, f"{told}\n")


# -- its environment


@pytest.mark.parametrize("data", [False, True], ids=["flat", "in its data"])
def test_wheels_are_found_before_what_is_installed(tmp_path: Path, data: bool) -> None:
    code = "import importlib.metadata, pluggy; print(pluggy.where, importlib.metadata.version('pluggy'))"
    folder = upload(tmp_path / "code", code, requirements=["pluggy==99.1"], environment={"PYTHONPATH": str(tmp_path)})
    wheel(folder / ".fledge-azureml" / "wheels", "pluggy", "99.1", data=data)
    # In the job's own path, which comes second.
    (tmp_path / "pluggy.py").write_text("where = 'elsewhere'")
    assert run(folder) == (0, "the wheel 99.1\n")


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    here = psutil.__version__
    wanted = [f"psutil=={here}", f"psutil>={here}", "pluggy>=0.1", "pytest"]
    folder = upload(tmp_path / "code", "print('begins')", requirements=wanted)
    assert run(folder, {"PIP_NO_INDEX": "1"}) == (0, "begins\n")


@pytest.mark.parametrize("line", ["psutil>=9999", "pluggy==0.1"])
def test_what_is_too_old_or_another_is_not_what_is_asked_for(tmp_path: Path, line: str) -> None:
    status, said = run(upload(tmp_path / "code", "print('begins')", requirements=[line]), {"PIP_NO_INDEX": "1"})
    assert (status, said.splitlines()[0]) == (1, f"installing {line}")


def test_a_requirement_that_nobody_has_is_named(tmp_path: Path) -> None:
    folder = upload(tmp_path / "code", "print('begins')", requirements=["psutil", "fledge-nobody-has-this==1.0"])
    status, said = run(folder, {"PIP_NO_INDEX": "1"})
    assert status == 1
    assert "error: the job's environment lacks fledge-nobody-has-this==1.0, and pip cannot install" in said
    assert "No matching distribution found" in said
    assert "begins" not in said
    assert "lacks fledge-nobody-has-this==1.0" in str(ended(folder)["reason"])


def test_a_node_that_cannot_be_prepared_ends_all_of_its_ranks(tmp_path: Path) -> None:
    folder = upload(tmp_path / "code", "print('begins')", requirements=["fledge-nobody-has-this==1.0"])
    second = Rank.start(folder, PYTORCH, number=1)
    first = Rank.start(folder, FIRST | {"PIP_NO_INDEX": "1"})
    assert [rank.ended() for rank in (first, second)] == [1, 1]
    assert "error: this node could not be prepared: the job's environment lacks fledge-nobody" in second.said()
    assert "begins" not in first.said() + second.said()


def test_an_upload_that_came_by_half_is_told_to_all_ranks_of_a_node(tmp_path: Path) -> None:
    folder = upload(tmp_path / "code", "print('begins')")
    (folder / ".fledge-azureml" / "wheels" / "one-1.0-py3-none-any.whl").write_bytes(b"PK half")
    ranks = [Rank.start(folder, told, number=number) for number, told in enumerate((FIRST, PYTORCH))]
    assert [rank.ended() for rank in ranks] == [1, 1]
    words = "what was sent cannot be laid out: File is not a zip file"
    assert ranks[0].said() == f"error: {words}\n"
    assert ranks[1].said() == f"error: this node could not be prepared: {words}\n"
    assert ended(folder, 2)["reason"] == words


def test_a_disk_that_is_full_is_told_as_what_it_is(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def prepare() -> None:
        with Preparation(tmp_path / "preparation").lead():
            # From now on no file may grow.
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            raise NotReadyError("no room")

    try:
        with pytest.raises(NotReadyError, match="no room"):
            prepare()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_rank_that_is_killed_while_it_prepares_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as index:
        # Whoever asks it waits.
        address = f"http://127.0.0.1:{index.getsockname()[1]}"
        folder = upload(tmp_path / "code", "print('begins')", requirements=["fledge-nobody-has-this==1.0"])
        first = Rank.start(folder, FIRST | {"PIP_INDEX_URL": address})
        second = Rank.start(folder, PYTORCH, number=1)
        index.accept()[0].close()
        os.killpg(first.process.pid, signal.SIGKILL)
        first.ended()
        assert second.ended() == 1
    assert "error: the process that prepared this node for all was ended" in second.said()


# -- asked to stop

_SAVES = RUN_DIR + (
    "def save(*_):\n"
    "    told = 'by a person' if (run / 'canceled').exists() else 'by the machine'\n"
    "    (run / 'outputs' / 'saved').write_text(told)\n"
    "    sys.exit(75)\n"
    "signal.signal(signal.SIGTERM, save)\n"
    "print('up', flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.mark.parametrize(("mark", "told"), [("canceled-one-1", "by a person"), ("canceled-one-2", "by the machine")])
def test_a_job_is_asked_and_knows_whether_by_a_person(tmp_path: Path, mark: str, told: str) -> None:
    folder, kept = upload(tmp_path / "code", _SAVES), tmp_path / "kept"
    rank = Rank.start(folder, {"AZUREML_RUN_ID": "one-1"}, kept=kept)
    until(lambda: "up" in rank.said())
    kept.mkdir(exist_ok=True)
    (kept / mark).touch()
    rank.process.terminate()
    assert rank.ended() == 75
    # Written a moment before the end, and kept all the same.
    for place in (kept / FILES, folder / "outputs"):
        assert (place / "outputs" / "saved").read_text() == told
        assert not (place / "canceled").exists()
    assert ended(folder) == {"code": 75, "asked": True, "reason": ""}


# Three generations that do not listen, the youngest in a session of its own. The eldest may end once all are up.
_STUBBORN = """
import fcntl, os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code, locks, age = sys.argv[1], sys.argv[2], int(sys.argv[3])
lock = open(locks + str(age), "w")
fcntl.flock(lock, fcntl.LOCK_EX)
if age:
    subprocess.Popen([sys.executable, "-c", code, code, locks, str(age - 1)], start_new_session=age == 1)
print("up", age, flush=True)
while age < 2 or "ENDS" not in os.environ or not os.path.exists(locks + "0"):
    time.sleep(0.02)
"""


def stubborn(tmp_path: Path, grace: float) -> tuple[Path, list[Path]]:
    """The upload, and a lock that each generation holds."""
    argv = ["python", "-c", _STUBBORN, _STUBBORN, str(tmp_path / "lock-"), "2"]
    return upload(tmp_path / "code", argv=argv, grace=grace), [tmp_path / f"lock-{age}" for age in range(3)]


def test_what_does_not_listen_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    folder, locks = stubborn(tmp_path, grace=0.2)
    rank = Rank.start(folder)
    until(lambda: rank.said().count("up") == 3)
    rank.process.terminate()
    assert rank.ended() == 137
    assert [free(lock) for lock in locks] == [True, True, True]


def test_nothing_that_it_started_outlives_a_job_that_ends_well(tmp_path: Path) -> None:
    folder, locks = stubborn(tmp_path, grace=30)
    assert run(folder, {"ENDS": "1"})[0] == 0
    assert [free(lock) for lock in locks] == [True, True, True]


def test_a_job_does_not_outlive_its_node_program(tmp_path: Path) -> None:
    code = "import fcntl; lock = open('lock', 'w'); fcntl.flock(lock, fcntl.LOCK_EX)\n"
    folder = upload(tmp_path / "code", RUN_DIR + code + "print('up', flush=True); time.sleep(600)")
    rank = Rank.start(folder)
    until(lambda: "up" in rank.said())
    rank.process.kill()
    rank.ended()
    until(lambda: free(folder / "work" / "lock"))


def test_a_shell_that_is_gone_is_a_wish_to_stop(tmp_path: Path) -> None:
    """Of a command that a shell does not hand its process to: the signal ends the shell, and reaches nobody else."""
    folder = upload(tmp_path / "code", _SAVES)
    command = f"cd {folder}; {sys.executable} -m fledge_azureml_node > log.txt; true"
    shell = subprocess.Popen(["/bin/bash", "-c", command], stdin=subprocess.DEVNULL)
    until(lambda: (folder / "log.txt").exists() and "up" in (folder / "log.txt").read_text())
    shell.terminate()
    shell.wait()
    until((folder / "outputs" / "ended-0.json").exists)
    assert (folder / "outputs" / "outputs" / "saved").read_text() == "by the machine"


def test_one_that_is_asked_while_it_prepares_begins_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as index:
        address = f"http://127.0.0.1:{index.getsockname()[1]}"
        folder = upload(tmp_path / "code", "print('begins')", requirements=["fledge-nobody-has-this==1.0"])
        rank = Rank.start(folder, {"PIP_INDEX_URL": address})
        index.accept()[0].close()
        rank.process.terminate()
        assert rank.ended() == 75
    assert "begins" not in rank.said()
    assert ended(folder) == {"code": 75, "asked": True, "reason": ""}


def test_one_that_is_asked_twice_ends_as_one_that_was_asked_once() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        keeper = Keeper()
        with pytest.raises(Asked):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert keeper.asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_how_it_ended_is_left_on_a_mount_that_cannot_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "replace", elsewhere)
    record.leave(tmp_path / "outputs", 0, code=-9, asked=True)
    assert ended(tmp_path) == {"code": -9, "asked": True, "reason": ""}
    assert list(tmp_path.iterdir()) == [tmp_path / "outputs"]


def test_a_rank_that_was_killed_is_told_to_those_on_its_node(tmp_path: Path) -> None:
    folder = upload(tmp_path / "code", "import os; os.kill(os.getpid(), 9)", processes_per_node=2)
    assert run(folder, FIRST)[0] == 137
    told = json.loads((folder / ".run" / ".first-failure.json").read_text())
    assert told == {"rank": 2, "error": "rank 2 was killed by SIGKILL", "transient": True}
