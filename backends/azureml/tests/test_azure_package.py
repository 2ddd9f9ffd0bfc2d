"""The folder that is uploaded to Azure ML: what is in it, and what cannot be built for it."""

import json
import platform
import sys
import sysconfig
import textwrap
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest
from azure_upload import run, wheel
from fledge import Job, Resources, RunError, Snapshot, SourceFile, UsageError
from fledge_azureml.backend import AzureML
from fledge_azureml.distributions import dependencies
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.package import packed
from fledge_azureml.request import AzureRequest, Wheel
from fledge_azureml.wheels import build

NATIVE = """
from pathlib import Path
def build_wheel(folder, config_settings=None, metadata_directory=None):
    import zipfile
    name = "native_one-1.0-cp311-cp311-linux_x86_64.whl"
    info = "native_one-1.0.dist-info/"
    with zipfile.ZipFile(Path(folder, name), "w") as wheel:
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: native-one\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: cp311-cp311-linux_x86_64\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""


def request_of(job: Job, tmp_path: Path, **told: Any) -> AzureRequest:
    options = AzureMLOptions(
        **told,
        subscription_id="01234567-89ab-cdef-0123-456789abcdef",
        resource_group="birds",
        workspace="aviary",
        size="Standard_DS3_v2",
    )
    return AzureRequest.model_validate(AzureML(options, tmp_path).plan(job).body)


@pytest.fixture
def native(tmp_path: Path) -> Wheel:
    """A distribution whose wheel is for one kind of machine."""
    source = tmp_path / "native"
    source.mkdir()
    (source / "builds.py").write_text(NATIVE)
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "builds"\nbackend-path = ["."]\n'
    )
    return Wheel(name="native-one", version="1.0", source=str(source))


def environment(folder: Path) -> Path:
    """The interpreter of a new one that has what is installed here."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "bin" / "python"


def installed(folder: Path, name: str, needs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a distribution be here of a folder that a wheel can be built of."""
    module = name.replace("-", "_")
    lines = "".join(f"Requires-Dist: {line}\n" for line in needs)
    site = folder / "site" / f"{module}-1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{lines}")
    (site / "direct_url.json").write_text(json.dumps({"url": folder.as_uri(), "dir_info": {"editable": True}}))
    (folder / f"{module}.py").touch()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n[tool.hatch.build.targets.wheel]\ninclude = ["{module}.py"]\n'
    )
    monkeypatch.syspath_prepend(str(site.parent))


def test_a_package_has_all_that_a_submission_needs(tmp_path: Path) -> None:
    script = tmp_path / "train.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    job = Job(
        "test",
        ("python", "-m", "starts"),
        rank=("python", "-m", "rank"),
        launcher="torchrun",
        resources=Resources(4, 2),
        snapshot=Snapshot((SourceFile(script, "deep/ü.sh", script.stat().st_size),)),
        files={"small.txt": "klein ü"},
        requirements=("fledge-birds", "pydantic>=2"),
        environment={"COLOUR": "red"},
    )
    request = request_of(job, tmp_path)
    with packed(request, job, "run-1") as code:
        told = json.loads((code / ".fledge-azureml" / "job.json").read_text())
        assert told == {
            "run": "run-1",
            "argv": ["python", "-m", "rank"],
            "environment": {"COLOUR": "red"},
            "requirements": ["pydantic>=2"],
            "nodes": 2,
            "processes_per_node": 2,
            "grace": 10.0,
            "preemptible": False,
            "modes": {"deep/ü.sh": 0o755},
            "data": None,
        }
        assert (code / "snapshot" / "deep" / "ü.sh").read_text() == "#!/bin/sh\n"
        assert (code / "snapshot" / "small.txt").read_text(encoding="utf-8") == "klein ü"
        assert (code / "fledge_azureml_node" / "__main__.py").is_file()
        (wheel,) = (code / ".fledge-azureml" / "wheels").iterdir()
        # A dry run has told of all that travels, and of nothing else.
        found = {path.relative_to(code).as_posix(): path.stat().st_size for path in code.rglob("*") if path.is_file()}
        shown = {f"snapshot/{name}": size for name, size in request.files.items()} | request.own
        assert [name for name, size in shown.items() if size is None] == [".fledge-azureml/job.json"]
        assert found.keys() - shown.keys() == {f".fledge-azureml/wheels/{wheel.name}"}
        assert [one.name for one in request.wheels] == ["fledge-birds"]
        assert {name: found[name] if size is None else size for name, size in shown.items()}.items() <= found.items()
        with zipfile.ZipFile(wheel) as archive:
            assert any(name.startswith("fledge_birds/") for name in archive.namelist())
        first = wheel.read_bytes()
    assert not code.exists()
    # What is the same here is the same upload there.
    with packed(request, job, "run-2") as code:
        (again,) = (code / ".fledge-azureml" / "wheels").iterdir()
        assert again.read_bytes() == first


def test_a_job_knows_whether_its_machines_may_be_taken_away(tmp_path: Path) -> None:
    job = Job("test", ("python",))
    request = request_of(job, tmp_path)
    cluster = request.cluster.model_copy(update={"priority": "low_priority"})
    with packed(request.model_copy(update={"cluster": cluster}), job, "run-1") as code:
        assert json.loads((code / ".fledge-azureml" / "job.json").read_text())["preemptible"] is True


def test_a_wheel_of_one_kind_of_machine_is_refused(native: Wheel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="native-one is not of Python alone") as raised:
        build([native], tmp_path)
    assert "on an index" in str(raised.value.hint)


def test_a_source_that_has_moved_on_is_told(native: Wheel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"native-one is installed here as 0\.9, and .* is 1\.0 by now"):
        build([native.model_copy(update={"version": "0.9"})], tmp_path)


def test_what_cannot_be_built_says_why(native: Wheel, tmp_path: Path) -> None:
    Path(native.source, "builds.py").write_text(
        textwrap.dedent("""
            def build_wheel(*_, **__):
                raise SystemExit("the compiler is on holiday")
        """)
    )
    with pytest.raises(RunError, match="no wheel can be built of native-one") as raised:
        build([native], tmp_path)
    assert "the compiler is on holiday" in raised.value.message
    assert native.source in str(raised.value.hint)


def test_a_source_that_is_gone_is_told_when_planning(tmp_path: Path) -> None:
    site = tmp_path / "site" / "gone_one-1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: gone-one\nVersion: 1.0\n")
    (site / "direct_url.json").write_text(json.dumps({"url": "file:///nowhere/gone", "dir_info": {"editable": True}}))
    sys.path.append(str(site.parent))
    try:
        with pytest.raises(UsageError, match="gone-one was installed from /nowhere/gone, which is gone"):
            request_of(Job("test", ("python",), requirements=("gone-one==1.0",)), tmp_path)
    finally:
        sys.path.remove(str(site.parent))


def test_a_known_environment_that_lacks_what_the_job_needs_is_given_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    wheel(index, "lacking_one", "1.2")
    needs = ("pydantic>=2", "lacking-one>=1.0", "torch>=99", "numpy>=1.26; python_version>='3'")
    installed(tmp_path / "needy", "needy-one", needs, monkeypatch)
    code = "import lacking_one, needy_one, pydantic; print(lacking_one.where, lacking_one.__file__)"
    job = Job("test", ("python", "-c", code), requirements=("needy-one==1.0",))
    request = request_of(job, tmp_path, environment="mine:3")
    # It has what this one has, and of its own nothing.
    python = environment(tmp_path / "there")
    with packed(request, job, "run-1") as folder:
        status, said = run(folder, {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}, python=python)
    assert status == 0, said
    first, second = said.splitlines()
    assert first == "installing lacking-one>=1.0"
    assert second.startswith(f"the wheel {tmp_path / 'there'}")


def test_what_a_node_needs_is_what_its_own_kind_of_machine_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site" / "needy_one-1.0.dist-info"
    site.mkdir(parents=True)
    lines = ("fledge-nowhere==3; platform_machine == 'x86_64'", "fledge-elsewhere==3; platform_machine == 'arm64'")
    needs = "".join(f"Requires-Dist: {line}\n" for line in lines)
    (site / "METADATA").write_text(f"Metadata-Version: 2.1\nName: needy-one\nVersion: 1.0\n{needs}")
    monkeypatch.syspath_prepend(str(site.parent))
    # As on a laptop of Apple's.
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    found = dependencies(["needy-one"])
    assert found == {"fledge-nowhere": "fledge-nowhere==3"}
