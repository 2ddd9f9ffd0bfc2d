"""What a job comes to on Azure ML, where there is no network and no package of Microsoft's."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dry_running import CONFIG, TOLD, dry_run, fledge
from fledge import Job, Resources, Snapshot, SourceFile, UsageError
from fledge_azureml import facts
from fledge_azureml.backend import AzureML, _typed
from fledge_azureml.lines import PYTHON
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.request import AzureRequest, Distribution
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

WORKER = ("python", "-m", "worker")
COMMAND = ("python", "-m", "starts_ranks")
NOWHERE = Path("/nowhere")


def planned(job: Job, **told: object) -> AzureRequest:
    request = AzureML(AzureMLOptions(**{**TOLD, **told}), NOWHERE).plan(job)
    return AzureRequest.model_validate(request.body)


def dependencies(request: AzureRequest) -> list[Any]:
    assert request.environment.conda is not None
    told = request.environment.conda["dependencies"]
    assert isinstance(told, list)
    return told


def test_a_dry_run_tells_all_that_would_be_sent(folder: Path) -> None:
    (folder / ".amlignore").write_text("*.bin\n")
    (folder / "large.bin").write_bytes(b"1" * 1000)
    out, _ = fledge(folder, *dry_run("launcher.name=torchrun", "launcher.processes=2", "launcher.nodes=2"), "--json")
    body = json.loads(out)["request"]
    request = AzureRequest.model_validate(body)
    # The very object that is submitted, which searches for nothing.
    assert request.model_dump(mode="json") == {**body, "search": None}
    assert request.workspace.model_dump() == CONFIG
    assert request.cluster.model_dump() == {
        "name": "gpu-cluster", "size": "Standard_NC4as_T4_v3", "min_nodes": 0, "max_nodes": 4, "idle_seconds": 600,
        "priority": "dedicated",
    }  # fmt: skip
    assert (request.nodes, request.distribution) == (2, Distribution(kind="pytorch", processes_per_node=1))
    assert request.argv == ("python", "-P", "-m", "fledge.worker", ".fledge-spec.toml")
    assert request.command == "python -m fledge_azureml_node"
    assert (request.files["s.py"], request.left_out) == (len("print('hello')"), {".amlignore": 1})
    assert request.tags["fledge_experiment"] == "default"
    python, _, installed = dependencies(request)
    assert python == f"python=3.{sys.version_info.minor}"
    assert [line.partition("==")[0] for line in installed["pip"] if "torch" in line] == ["torch", "torchvision"]
    assert all("+" not in line for line in installed["pip"])
    assert not (folder / ".fledge").exists()


def test_a_dry_run_can_be_read(folder: Path) -> None:
    out, _ = fledge(folder, *dry_run("backend.pip=['timm==1.0.15']"))
    lines = out[out.index("# request to backend azureml") :].splitlines()
    for line in (
        "workspace:", "  workspace_name: aviary", "  size: Standard_NC4as_T4_v3", "  priority: dedicated",
        "distribution: none", "command: python -m fledge_azureml_node", "  s.py: 14", "left_out: none",
        "  .fledge-azureml/job.json: none",
        "argv: python -P -m fledge.worker .fledge-spec.toml",
    ):  # fmt: skip
        assert line in lines
    assert [line for line in lines if line.strip() == "- pip:"]
    assert [line for line in lines if line.strip() == "- timm==1.0.15"]
    assert "{" not in "".join(lines)


def test_no_package_of_microsofts_is_imported(folder: Path) -> None:
    code = (
        "import atexit, sys, fledge.cli\n"
        "heavy = ('azure', 'azureml', 'torch', 'fledge_azureml.connect')\n"
        "atexit.register(lambda: print([n for n in heavy if n in sys.modules], file=sys.stderr)); fledge.cli.main()\n"
    )
    words = [sys.executable, "-c", code, *dry_run()]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["backend.size=Standard_NC6"], "Azure has retired these machines\n  --set backend.size=Standard_NC4as_T4_v3"),
        (["backend.size=STANDARD_nc6S_V3"], "--set backend.size=Standard_NC4as_T4_v3"),
        (["backend.size=Standard_NC24rs_v3"], "--set backend.size=Standard_NC96ads_A100_v4"),
        (["backend.size=NC6"], "names no kind of machine\n  --set backend.size=Standard_NC4as_T4_v3"),
        (["backend.size=NC4"], "names no kind of machine\n  --set backend.size=Standard_NC4as_T4_v3, or another"),
        (["backend.size=a b"], "names no kind of machine\n  --set backend.size=Standard_NC4as_T4_v3, or another"),
        (["backend.max_nodes=0"], "greater than or equal to 1\n  fledge plugins show backend/azureml tells"),
        (["backend.min_nodes=3", "backend.max_nodes=2"], "min_nodes = 3 is more than max_nodes = 2"),
        (["backend.cluster=gpu_cluster"], "cannot name a cluster\n  it takes 3 to 24 letters"),
        (["backend.cluster=gpu-1"], "do not end in - and a number"),
        (["backend.workspace=a"], "workspace_name = 'a', from"),
        (["backend.subscription_id=mine"], "names no subscription\n  it is an id such as"),
        (["backend.resource_group=mine."], "names no resource group"),
        (["experiment=a.b"], "cannot name an experiment of Azure Machine Learning"),
        (["experiment=a.b"], "--experiment a-b"),
        (["backend.environment=a b"], "backend.environment = 'a b' names no environment"),
        (["backend.environment=mine", "backend.image=theirs"], "leave out image, or leave out environment"),
        (["backend.image=a b"], "names no Docker image"),
        (["backend.pip=['torch=2']"], "'torch=2' is no requirement line"),
        (
            ["backend.pip=['-r s.py']"],
            "backend.pip: '-r s.py' names a file or folder of this machine: the service builds the image, and sees none"
            "\n  what an index has, such as timm==1.0.15, or the https:// address of a wheel",
        ),
        (["backend.conda=['a b c ==']"], "'a b c ==' is no conda package\n  such as libsndfile or ffmpeg=7"),
        (
            ["backend.conda=['python=3.9']"],
            f"'python=3.9' is another Python than {PYTHON}, this machine's, which is put there\n  leave it out",
        ),
        (["backend.pip=timm"], "backend.pip = 'timm': should be a list: --set 'backend.pip=[\"timm\"]'\n"),
        (["backend.pip=timm"], "\n  fledge plugins show backend/azureml tells what each option may be"),
        (["backend.sise=x"], "did you mean 'size'?\n  fledge plugins show backend/azureml tells"),
        (["backend.priority=cheap"], "'dedicated' or 'low_priority'\n  fledge plugins show backend/azureml tells"),
        (["backend.sdk=v3"], "'auto', 'v1' or 'v2'\n  fledge plugins show backend/azureml tells"),
        (["backend.config=nowhere.json"], "nowhere.json cannot be read: No such file or directory"),
        (
            ["launcher.name=torchrun", "launcher.processes=3", "launcher.nodes=2"],
            "3 processes cannot be shared equally by 2 nodes",
        ),
        (
            ["launcher.name=torchrun", "launcher.processes=4"],
            "4 processes on a node want a GPU each, and a Standard_NC4as_T4_v3 has 1 GPU",
        ),
        (["launcher.name=torchrun", "launcher.processes=4"], "--set backend.size=Standard_NC64as_T4_v3, with 4"),
        (
            ["launcher.name=torchrun", "launcher.processes=4", "launcher.nodes=4", "backend.max_nodes=2"],
            "the run asks for 4 nodes, and its cluster gpu-cluster is to have 2 at most",
        ),
        (
            ["launcher.name=torchrun", "launcher.processes=2", "launcher.nodes=1", "launcher.min_processes=1",
             "backend.size=Standard_DS3_v2"],
            "none go on where one was lost",
        ),
        (["script.path=other.py"], "there is no script"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_it_is_sent(folder: Path, settings: list[str], says: str) -> None:
    _, err = fledge(folder, *dry_run(*settings), status=2)
    assert says in err


# What Microsoft's pages say that they had.
RETIRED = {
    "NC6": 1, "NC12": 2, "NC24": 4, "NC24r": 4, "NC6_Promo": 1, "NC24r_Promo": 4,
    "NC6s_v2": 1, "NC12s_v2": 2, "NC24s_v2": 4, "NC24rs_v2": 4,
    "NC6s_v3": 1, "NC12s_v3": 2, "NC24s_v3": 4, "NC24rs_v3": 4,
    "ND6s": 1, "ND12s": 2, "ND24s": 4, "ND24rs": 4, "ND40rs_v2": 8,
    "NV6": 1, "NV12": 2, "NV24": 4, "NV24_Promo": 4, "NV12s_v3": 1, "NV24s_v3": 2, "NV48s_v3": 4,
}  # fmt: skip


@given(st.sampled_from(sorted(RETIRED)), st.sampled_from([str, str.upper, str.lower]))
def test_of_a_retired_size_one_of_no_fewer_gpus_is_named(size: str, written: Callable[[str], str]) -> None:
    with pytest.raises(UsageError, match="Azure has retired") as raised:
        planned(Job("test", WORKER), size=written(f"Standard_{size}"))
    instead = str(raised.value.hint).partition("backend.size=")[2]
    assert facts.SIZES[instead].gpus >= RETIRED[size]
    assert planned(Job("test", WORKER), size=instead).cluster.size == instead


def test_a_clusters_options_are_looked_at_before_an_sdk_is_missed(folder: Path) -> None:
    for setting, says in (
        ("size=Standard_NC6", "Azure has retired these machines\n  --set backend.size=Standard_NC4as_T4_v3"),
        ("cluster=h_n", "cannot name a cluster"),
    ):
        words = ("compute", "ensure", "--backend", "azureml", "--set", f"backend.{setting}")
        assert says in fledge(folder, *words, status=2)[1]


@pytest.mark.parametrize(
    ("word", "near"),
    [("nc8AS_t4_v3", "NC8as_T4_v3"), ("NC4as_T4_v4", "NC4as_T4_v3"), ("A100", "NC24ads_A100_v4"), ("d4s_v3", "D4s_v3"),
     ("NC24rs_v3", "NC96ads_A100_v4"), ("Standard NC16as_T4_v3", "NC16as_T4_v3"), ("big", "NC4as_T4_v3")],
)  # fmt: skip
def test_of_what_is_no_size_one_that_is_known_is_suggested(word: str, near: str) -> None:
    with pytest.raises(UsageError, match="names no kind of machine") as raised:
        planned(Job("test", WORKER), size=word)
    assert f"--set backend.size=Standard_{near}, or another" in str(raised.value)


@pytest.mark.parametrize("size", ["Standard_NC4as_T4_v4", "Standard_E4s_v5", "standard_nc4AS_t4_v3"])
def test_a_size_that_is_not_known_may_be_new(size: str) -> None:
    assert planned(Job("test", WORKER), size=size).cluster.size == size


def test_too_many_files_name_what_to_leave_behind(folder: Path) -> None:
    for number in range(2001):
        (folder / "data" / "train" / str(number // 100)).mkdir(parents=True, exist_ok=True)
        (folder / "data" / "train" / str(number // 100) / f"{number}.txt").touch()
    (folder / ".gitignore").write_text("*.bin\n")
    _, err = fledge(folder, *dry_run(), status=2)
    assert "2,0" in err
    assert "files of 0.0 MB, and Azure Machine Learning takes 2,000 files and 300 MB" in err
    assert "; the fullest folders: data/train/0/ (100 files), data/train/1/ (100 files), " in err
    assert "MB)" not in err
    assert "add to .gitignore" in err
    assert "    /data/train/\n" in err
    (folder / ".gitignore").write_text("*.bin\n/data/train/\n")
    fledge(folder, *dry_run())


def test_too_many_bytes_name_the_largest(folder: Path) -> None:
    for name, size in (("a.bin", 200), ("deep/b.bin", 180), ("c.txt", 1)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
        os.truncate(folder / name, size << 20)
    _, err = fledge(folder, *dry_run(), status=2)
    assert "of 381.0 MB" in err
    assert err.index("a.bin (200.0 MB)") < err.index("deep/b.bin (180.0 MB)") < err.index("c.txt (1.0 MB)")
    assert "add to .fledgeignore what can stay behind, such as:\n    /a.bin" in err
    assert "/deep" not in err.partition("such as:")[2]
    (folder / ".fledgeignore").write_text("/a.bin\n")
    fledge(folder, *dry_run())


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    job = Job("test", WORKER, snapshot=Snapshot((SourceFile(tmp_path / "gone.py", "gone.py", 1),)))
    with pytest.raises(UsageError, match=r"gone\.py, and there is no such file"):
        planned(job)


@pytest.mark.parametrize(
    ("launcher", "rank", "processes", "nodes", "kind", "each", "argv"),
    [
        ("single", WORKER, 1, 1, None, 0, COMMAND),
        ("single", (), 1, 1, None, 0, COMMAND),
        ("torchrun", WORKER, 4, 1, "pytorch", 4, WORKER),
        ("torchrun", WORKER, 8, 2, "pytorch", 4, WORKER),
        ("horovod", WORKER, 8, 2, "mpi", 4, WORKER),
        ("horovod", WORKER, 2, 2, "mpi", 1, WORKER),
        ("someones", WORKER, 2, 1, "pytorch", 2, WORKER),
        # Whoever starts its ranks by itself does so on each node.
        ("someones", (), 4, 1, None, 0, COMMAND),
        ("someones", (), 4, 2, "pytorch", 1, COMMAND),
    ],
)
def test_ranks_are_the_services_to_start(
    launcher: str, rank: tuple[str, ...], processes: int, nodes: int, kind: str | None, each: int, argv: tuple[str, ...]
) -> None:
    job = Job("test", COMMAND, rank=rank, launcher=launcher, resources=Resources(processes, nodes))
    request = planned(job, size="Standard_DS3_v2")
    told = request.distribution
    assert (told.kind, told.processes_per_node) == (kind, each) if told else kind is None
    assert (request.argv, request.nodes) == (argv, nodes)


@given(st.integers(1, 64), st.integers(1, 64))
def test_processes_are_shared_equally_or_refused(processes: int, nodes: int) -> None:
    job = Job("test", COMMAND, rank=WORKER, launcher="torchrun", resources=Resources(processes, nodes))
    if processes % nodes:
        with pytest.raises(UsageError, match="cannot be shared equally"):
            planned(job)
        return
    request = planned(job, size="Standard_Something_New_v9")
    started = request.nodes * (request.distribution.processes_per_node if request.distribution else 1)
    assert (started, request.nodes) == (processes, nodes)
    assert request.cluster.max_nodes >= nodes


NAMES = st.text(st.sampled_from("aZ0_-.ü \n/"), max_size=40)


@given(NAMES)
def test_an_experiment_is_named_by_the_services_rules_or_refused(name: str) -> None:
    fits = name.isascii() and name[:1].isalnum() and all(one.isalnum() or one in "_-" for one in name)
    try:
        assert planned(Job(name, WORKER)).experiment == name
        assert fits
    except UsageError:
        assert not fits


@given(st.text(st.sampled_from("aZ09-_ü\n"), max_size=30))
def test_a_cluster_is_named_by_the_services_rules_or_refused(name: str) -> None:
    number = name.rpartition("-")
    fits = (
        3 <= len(name) <= 24
        and name.isascii()
        and name[0].isalpha()
        and all(one.isalnum() or one == "-" for one in name)
        and not (number[1] and number[2].isdigit())
    )
    try:
        assert planned(Job("test", WORKER), cluster=name).cluster.name == name
        assert fits
    except UsageError:
        assert not fits


@given(st.text(max_size=300))
def test_every_submission_has_a_name_that_the_service_takes(key: str) -> None:
    backend = AzureML(AzureMLOptions(), NOWHERE)
    assert re.fullmatch(r"[A-Za-z0-9][\w-]{0,254}", backend._name(key), re.ASCII)
    assert backend._name(key) == backend._name(key) != backend._name(key + "x")
    assert backend._name(key) != AzureML(AzureMLOptions(), Path("/elsewhere"))._name(key)


def test_what_is_installed_from_a_folder_travels_and_the_rest_is_pinned() -> None:
    request = planned(Job("test", WORKER, requirements=("fledge", "pydantic>=2", "fledge-nowhere==3")))
    (wheel,) = request.wheels
    assert (wheel.name, (Path(wheel.source) / "pyproject.toml").is_file()) == ("fledge", True)
    assert request.requirements == ("fledge-nowhere==3", "pydantic>=2")


def test_what_a_person_asks_for_takes_the_place_of_what_would_be_taken() -> None:
    job = Job("test", WORKER, requirements=("fledge",))
    request = planned(job, pip=("Torch==2.6", "timm", "git+https://example.com/x.git"), conda=("ffmpeg=7",))
    told = dependencies(request)
    assert told[2] == "ffmpeg=7"
    pip = told[-1]["pip"]
    assert "Torch==2.6" in pip
    assert not any(line.startswith("torch==") for line in pip)
    assert {"timm", "git+https://example.com/x.git"} <= set(pip)


@pytest.mark.parametrize(
    "name",
    ["AzureML-acpt-pytorch-2.2-cuda12.1", "mine:3", "mine@latest",
     "azureml://registries/azureml/environments/acpt-pytorch/versions/7"],
)  # fmt: skip
def test_an_environment_of_the_workspace_is_taken_as_it_is(name: str) -> None:
    environment = planned(Job("test", WORKER), environment=name).environment
    assert (environment.name, environment.image, environment.conda) == (name, None, None)


def test_of_a_known_environment_a_node_installs_what_is_missing_and_never_torch() -> None:
    job = Job("test", WORKER, requirements=("fledge", "fledge-resnet"))
    told = planned(job, environment="mine:3").requirements
    assert {"pydantic>=2.9", "pluggy>=1.5", "tomli-w>=1.1", "typer>=0.15", "safetensors>=0.4.5"} <= set(told)
    assert not [line for line in told if line.startswith(("torch", "fledge"))]
    # Of an image they are built into it.
    assert planned(job, image="mine").requirements == planned(job).requirements == ()


HOROVOD = ["--launcher", "horovod", "--processes", "2", "--nodes", "2"]


def test_a_training_by_a_horovod_that_nobody_brings_is_refused(folder: Path) -> None:
    training = ["run", "--dataset", "drawn-birds", "--model", "resnet18", "--backend", "azureml", *HOROVOD, "--dry-run"]
    _, err = fledge(folder, *training, status=2)
    assert "train together by Horovod, which the environment that is built for the run does not have" in err
    for remedy in ("backend.environment=NAME", "backend.pip=", "--launcher torchrun"):
        assert remedy in err
    # The job's Python is made anew in an image, and its torch is pip's: PyPI has no wheel of Horovod for it.
    for useless in ("image=mine", "conda=['horovod']", "pip=['horovod']", "pip=['h.whl']"):
        _, told = fledge(folder, *training, "--set", f"backend.{useless}", status=2)
        assert told == err
    assert "image" not in err
    for brought in (
        "environment=mine",
        "pip=['horovod @ https://example.com/h.whl']",
        "pip=['--extra-index-url https://example.com', 'horovod==0.28.1+torch2']",
    ):
        out, _ = fledge(folder, *training, "--set", f"backend.{brought}", "--json")
        assert json.loads(out)["request"]["distribution"] == {"kind": "mpi", "processes_per_node": 1}
    # One process needs none, and a script may bring its own.
    fledge(folder, *training, "--processes", "1", "--nodes", "1")
    fledge(folder, *dry_run(), *HOROVOD)


def test_a_resumed_runs_request_is_the_one_that_was_submitted() -> None:
    request = AzureML(AzureMLOptions(**TOLD), NOWHERE).plan(Job("test", WORKER))
    # The core counts retries anew, which are its own here.
    resumed = replace(request, body={**request.body, "retries": 3})
    assert _typed(resumed) == _typed(request) == AzureRequest.model_validate(request.body)
    with pytest.raises(ValidationError):
        _typed(replace(request, body={**request.body, "tries": 3}))


@pytest.mark.parametrize("word", ["Paused", "NotResponding", "Fledged", ""])
def test_a_word_that_is_not_known_leaves_a_run_where_it_was(word: str) -> None:
    assert not facts.is_final(word)
