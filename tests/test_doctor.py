"""`fledge doctor`: everything a run leans on, looked at; exit status 1 where something is wrong."""

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.small_disk import small_disk

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

OFFER = "from fledge import Offer, hookimpl\n"
BACKEND = OFFER + ("@hookimpl\ndef fledge_backends(): return [Offer('odd', 'odd_net:Odd', {options}, 'an odd one')]\n")


def found(fledge: "Fledge", level: str, status: int = 0, **environment: str) -> dict[str, list[dict[str, Any]]]:
    """The findings of a level by their subject."""
    told: dict[str, list[dict[str, Any]]] = {}
    for row in fledge("doctor", "--json", status=status, **environment).lines:
        if row["level"] == level:
            told.setdefault(row["subject"], []).append(row)
    return told


def test_where_all_is_well(fledge: "Fledge") -> None:
    told = found(fledge, "ok")
    assert {"python", "torch", "plugins", "home", "backend local"} <= set(told)
    assert "torch 2" in told["torch"][0]["message"]
    assert not fledge.home.exists()
    lines = fledge("doctor").out.splitlines()
    assert all(line.startswith(("ok ", "warning ", "         ")) for line in lines), lines


def test_plugins_that_are_left_out(fledge: "Fledge", give: "Give") -> None:
    give("odd", "raise RuntimeError('no libcuda')")
    give("twin", OFFER + "@hookimpl\ndef fledge_models(): return [Offer('tiny', 'twin:Net')]\n", plugin="sample")
    told = found(fledge, "error", status=1)["plugins"]
    assert any("no libcuda" in one["message"] and "fledge plugins disable odd-dist" in one["remedy"] for one in told)
    assert any("two plugins of the same name" in one["message"] for one in told)
    assert any("model 'tiny' is offered by both" in one["message"] for one in told)
    fledge("plugins", "disable", "odd")
    fledge("plugins", "disable", "twin-dist")
    assert "enable odd" in str(found(fledge, "ok")["plugins"])


def test_a_plugin_that_dawdles_is_a_warning(fledge: "Fledge", give: "Give") -> None:
    give("lazy", "import time; time.sleep(0.7)\n" + OFFER)
    assert "s to import" in found(fledge, "warning")["plugins"][0]["message"]


@pytest.mark.parametrize(
    ("body", "level", "told"),
    [
        ("return [Finding('error', 'the door is locked', 'knock')]", "error", "the door is locked"),
        ("return [Finding('warning', 'the door creaks', 'oil it')]", "warning", "the door creaks"),
        ("raise RunError('nobody is there', hint='ring')", "error", "RunError: nobody is there"),
        ("return 1 / 0", "error", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_backend_says_what_is_the_matter_with_it(
    fledge: "Fledge", give: "Give", tmp_path: Path, body: str, level: str, told: str
) -> None:
    give("odd", BACKEND.format(options=None))
    code = (
        "from fledge import ComputeBackend, Finding, RunError\n\n\nclass Odd(ComputeBackend):\n    def check(self):\n"
    )
    code += f"        {body}\n    _plan = _submit = _status = _read_log = _cancel = _fetch = None\n"
    (tmp_path / "site" / "odd_net.py").write_text(code)
    (one,) = found(fledge, level, status=int(level == "error"))["backend odd"]
    assert one["message"] == told
    assert one["remedy"]


def test_a_backend_that_has_to_be_told_something_first_is_not_asked(
    fledge: "Fledge", give: "Give", tmp_path: Path
) -> None:
    give("odd", BACKEND.format(options="'odd_options:OddOptions'"))
    (tmp_path / "site" / "odd_options.py").write_text(
        "from fledge import Options\nclass OddOptions(Options):\n    door: str\n"
    )
    assert "backend.door is missing" in found(fledge, "ok")["backend odd"][0]["message"]


def test_torch_that_cannot_be_imported(fledge: "Fledge", tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise ImportError('libtorch_cpu.so: cannot open shared object file')")
    path = f"{broken}:{fledge.environment['PYTHONPATH']}"
    (one,) = found(fledge, "error", status=1, PYTHONPATH=path)["torch"]
    assert "libtorch_cpu.so" in one["message"]


def test_folders_that_are_full_or_may_not_be_written_to(fledge: "Fledge", tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "64k") as folder:
        (one,) = found(fledge, "error", status=1, FLEDGE_HOME=str(folder / "home"))["home"]
        assert "0.0 GB free" in one["message"]
    (tmp_path / "file").write_text("")
    (one,) = found(fledge, "error", status=1, FLEDGE_HOME=str(tmp_path / "file"))["home"]
    assert "cannot be written to" in one["message"]
    closed = tmp_path / "closed"
    closed.mkdir()
    subprocess.run(["mount", "--bind", "-o", "ro", closed, closed], check=True)
    try:
        (one,) = found(fledge, "error", status=1, XDG_CACHE_HOME=str(closed))["cache"]
        assert "Read-only file system" in one["message"]
    finally:
        subprocess.run(["umount", "-l", closed], check=True)


def test_what_the_cache_holds_is_told(fledge: "Fledge", tmp_path: Path) -> None:
    kept = tmp_path / "cache" / "fledge" / "decoded"
    kept.mkdir(parents=True)
    (kept / "one").write_bytes(bytes(2_500_000))
    told = found(fledge, "ok", XDG_CACHE_HOME=str(tmp_path / "cache"))["cache"]
    assert any("decoded: 1 files, 2.5 MB" in one["message"] for one in told)
