"""Which workspace a run is sent to: config.json, looked for as Microsoft's SDKs do, and options in its place."""

import json
import re
from pathlib import Path

import pytest
from dry_running import CONFIG, TOLD, dry_run, fledge
from fledge import UsageError
from fledge_azureml.config import workspace_name
from fledge_azureml.options import AzureMLOptions


def test_where_a_config_was_looked_for_is_said(tmp_path: Path) -> None:
    (tmp_path / "s.py").touch()
    # Another program's.
    (tmp_path / "config.json").write_text('{"hidden_size": 768}')
    _, err = fledge(tmp_path, *dry_run(), status=2)
    assert "there is no config.json that names a workspace" in err
    for told in (str(tmp_path), str(tmp_path.parent), ".azureml/", "aml_config/", *CONFIG, "ml.azure.com"):
        assert told in err


@pytest.mark.parametrize(
    ("content", "says", "helps"),
    [
        ('{"resource_group": "birds"}', "does not say subscription_id and workspace_name", "my-workspace"),
        ('{"resource_group": ', "is not JSON", "my-workspace"),
        (json.dumps({**CONFIG, "workspace_name": 7}), "workspace_name = 7, from", "it is 3 to 33 letters"),
    ],
)
def test_a_config_that_does_not_do(tmp_path: Path, content: str, says: str, helps: str) -> None:
    (tmp_path / "s.py").touch()
    (tmp_path / "config.json").write_text(content)
    _, err = fledge(tmp_path, *dry_run(), status=2)
    assert says in err
    assert helps in err


def test_options_take_the_place_of_a_configs_keys(folder: Path) -> None:
    out, _ = fledge(folder, *dry_run("backend.workspace=other-one"), "--json")
    assert json.loads(out)["request"]["workspace"] == {**CONFIG, "workspace_name": "other-one"}
    everything = [f"backend.{name}={value}" for name, value in TOLD.items()]
    (folder.parent.parent / ".azureml" / "config.json").unlink()
    assert json.loads(fledge(folder, *dry_run(*everything), "--json")[0])["request"]["workspace"] == CONFIG


def test_other_programs_files_of_the_name_stop_nobody(folder: Path) -> None:
    (folder / "config.json").write_text("{'quotes': 'of another language'}")
    (folder / ".azureml").mkdir()
    (folder / ".azureml" / "config.json").write_bytes(b"\xff\x00")
    out, _ = fledge(folder, *dry_run(), "--json")
    assert json.loads(out)["request"]["workspace"] == CONFIG


def test_a_config_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(CONFIG))
    read = Path.read_bytes

    def locked(path: Path) -> bytes:
        if path == file:
            raise PermissionError
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", locked)
    with pytest.raises(UsageError, match=f"; {re.escape(str(file))} cannot be read"):
        workspace_name(AzureMLOptions(), tmp_path)


def test_a_config_as_powershell_saves_one_is_one(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, "workspace_name": "shell"}), encoding="utf-16")
    out, _ = fledge(folder, *dry_run(), "--json")
    assert json.loads(out)["request"]["workspace"]["workspace_name"] == "shell"


def test_the_nearest_config_counts(folder: Path) -> None:
    (folder.parent / "aml_config").mkdir()
    (folder.parent / "aml_config" / "config.json").write_text(json.dumps({**CONFIG, "workspace_name": "near"}))
    out, _ = fledge(folder, *dry_run(), "--json")
    assert json.loads(out)["request"]["workspace"]["workspace_name"] == "near"
