"""Plugins as strangers write them: whatever is wrong with one stays its own problem, and is told."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give, Result

OFFER = "from fledge import Offer, hookimpl\n"


def plan(fledge: "Fledge", *words: str, status: int | None = 0, **environment: str) -> "Result":
    return fledge(
        "run", "--dataset", "dots", "--model", "tiny", *words, "--dry-run", "--json", status=status, **environment
    )


MODEL = OFFER + "@hookimpl\ndef fledge_models({}): return [Offer('odd', 'odd:Odd')]\n"
BROKEN = {
    "raises": ("raise RuntimeError('no libcuda')", None, "RuntimeError: no libcuda"),
    "exits": ("import sys; sys.exit(7)", None, "SystemExit: 7"),
    "misses": ("import there_is_no_such_module", None, "No module named 'there_is_no_such_module'"),
    "no attribute": ("", "odd:plugin", "has no attribute 'plugin'"),
    "misspelt": (
        OFFER + "@hookimpl\ndef fledge_modles(): return []",
        None,
        "unknown hook 'fledge_modles'; did you mean 'fledge_models'?",
    ),
    "defaulted": (MODEL.format("extra=None"), None, "gives its parameter 'extra' a default"),
    "unknown argument": (MODEL.format("extra"), None, "Argument(s) {'extra'} are declared"),
    "other version": ("FLEDGE_API = 99\n" + MODEL.format(""), None, "version 99 of fledge's plugin interface"),
    "hook raises": (OFFER + "@hookimpl\ndef fledge_models(): return 1 / 0", None, "fledge_models raised ZeroDivision"),
    "hook exits": (
        OFFER + "@hookimpl\ndef fledge_models(): raise SystemExit(0)",
        None,
        "fledge_models raised SystemExit",
    ),
    "no offers": (OFFER + "@hookimpl\ndef fledge_models(): return ['odd']", None, "'odd' is not a fledge.Offer"),
}


@pytest.mark.parametrize("trouble", BROKEN)
def test_a_broken_plugin_is_left_out_and_told(fledge: "Fledge", give: "Give", trouble: str) -> None:
    code, value, reason = BROKEN[trouble]
    give("odd", code, value=value)
    done = plan(fledge)
    assert done.last["spec"]["model"]["name"] == "tiny"
    warning = next(line for line in done.err.splitlines() if "plugin 'odd'" in line)
    assert "distribution 'odd-dist' is left out" in warning
    assert reason in done.err[done.err.index(warning) :]


def test_who_asks_for_what_a_broken_plugin_may_offer_hears_of_it(fledge: "Fledge", give: "Give") -> None:
    give("odd", "raise RuntimeError('no libcuda')")
    done = fledge("run", "--dataset", "dots", "--model", "odd-net", "--dry-run", status=2)
    error = done.err.partition("error: ")[2]
    assert "there is no model named 'odd-net'" in error
    assert "there is: " in error
    assert "tiny" in error
    assert "no libcuda" in error


def test_what_a_plugin_prints_never_reaches_standard_output(fledge: "Fledge", give: "Give") -> None:
    hook = "@hookimpl\ndef fledge_models():\n    print('offering!')\n    return []\n"
    give("chatty", "print('hello!')\n" + OFFER + hook)
    done = plan(fledge)
    assert len(done.lines) == 1
    assert "hello!" in done.err
    assert "offering!" in done.err


def test_two_offers_of_one_name_trouble_only_who_chooses_it(fledge: "Fledge", give: "Give") -> None:
    code = OFFER + "@hookimpl\ndef fledge_models(): return [Offer('{0}', 'odd:Odd')]\n"
    give("odd", code.format("tiny"))
    done = plan(fledge, status=1)
    assert "model 'tiny' is offered by both 'odd-dist' and 'fledge-sample'" in done.err
    assert plan(fledge, FLEDGE_DISABLE_PLUGINS="odd").last["plugins"]["sample"] == "fledge-sample 1.2.3"
    assert fledge("run", "--script", "s.py", "--dry-run", status=2).err.count("offered by both") == 0


def test_two_plugins_of_one_name_both_take_part_and_are_told_of(fledge: "Fledge", give: "Give") -> None:
    give("odd", MODEL.format(""), plugin="sample")
    done = plan(fledge)
    warning = next(line for line in done.err.splitlines() if "plugin 'sample'" in line)
    assert "from 'fledge-sample' and 'odd-dist', two plugins of the same name" in warning
    schema = json.loads(fledge("spec", "schema").out)
    models = [one["properties"]["name"]["const"] for one in schema["properties"]["model"]["anyOf"]]
    assert {"odd", "tiny"} <= set(models)
    fledge("plugins", "disable", "odd-dist")
    done = plan(fledge)
    assert "of the same name" not in done.err
    assert done.last["plugins"]["sample"] == "fledge-sample 1.2.3"


def test_a_disabled_plugin_is_not_even_imported(fledge: "Fledge", give: "Give") -> None:
    give("odd", "raise RuntimeError('no libcuda')")
    assert "odd" not in plan(fledge, FLEDGE_DISABLE_PLUGINS="other, odd").err


def test_who_asks_for_what_a_disabled_plugin_offers_hears_how_to_have_it_back(fledge: "Fledge") -> None:
    by_variable = "leave 'sample' out of the variable FLEDGE_DISABLE_PLUGINS"
    gone = plan(fledge, status=2, FLEDGE_DISABLE_PLUGINS="sample")
    assert "there is no dataset named 'dots'" in gone.err
    assert f"plugin 'sample' is disabled; {by_variable}\n" in gone.err
    assert f"again: {by_variable}\n" in fledge("plugins", "show", "sample", FLEDGE_DISABLE_PLUGINS="sample").out
    # By the name that undoes it.
    fledge("plugins", "disable", "fledge-sample")
    by_file = "fledge plugins enable fledge-sample"
    assert f"plugin 'sample' is disabled; {by_file}\n" in plan(fledge, status=2).err
    assert f"again: {by_file}\n" in fledge("plugins", "show", "sample").out
    both = plan(fledge, status=2, FLEDGE_DISABLE_PLUGINS="sample")
    assert f"plugin 'sample' is disabled; {by_file}, and {by_variable}\n" in both.err
    fledge(*by_file.split()[1:])
    assert plan(fledge).last["spec"]["dataset"]["name"] == "dots"


@pytest.mark.parametrize(
    ("target", "code", "told"),
    [
        ("odd:Missing", "", "names odd:Missing, and module odd has no Missing"),
        (
            "nowhere:Odd",
            "",
            "needs nowhere:Odd, which cannot be imported: ModuleNotFoundError: No module named 'nowhere'\n"
            "  its plugin is broken",
        ),
    ],
)
def test_an_offer_whose_target_is_not_there(fledge: "Fledge", give: "Give", target: str, code: str, told: str) -> None:
    give("odd", OFFER + f"@hookimpl\ndef fledge_backends(): return [Offer('odd', '{target}')]\n" + code)
    assert told in plan(fledge, "--backend", "odd", status=1).err


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "import old_pandas",
            "ModuleNotFoundError: No module named 'old_pandas'\n  install what provides the module old_",
        ),
        ("def", "SyntaxError"),
    ],
)
def test_an_implementation_that_cannot_be_imported(
    fledge: "Fledge", give: "Give", tmp_path: Path, code: str, told: str
) -> None:
    give("odd", OFFER + "@hookimpl\ndef fledge_backends(): return [Offer('odd', 'odd_net:Odd')]\n")
    (tmp_path / "site" / "odd_net.py").write_text(code)
    assert f"cannot be imported: {told}" in plan(fledge, "--backend", "odd", status=1).err


def test_a_plugin_that_ends_the_worker_fails_the_run(fledge: "Fledge", give: "Give", tmp_path: Path) -> None:
    give("odd", OFFER + "@hookimpl\ndef fledge_models(): return [Offer('odd', 'odd_net:Odd')]\n")
    (tmp_path / "site" / "odd_net.py").write_text("raise SystemExit(0)")
    out, err = (run := fledge.start("run", "--dataset", "dots", "--model", "odd", "--json")).communicate()
    assert run.returncode == 1
    assert json.loads(out.splitlines()[-1])["state"] == "FAILED"
    assert "cannot be imported: SystemExit: 0" in err
