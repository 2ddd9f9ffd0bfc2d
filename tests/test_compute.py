"""`fledge compute`, `fledge run --check` and `--dry-run=wire`, with a backend whose clusters are lines of a file."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

FARM = """
    import json
    from dataclasses import replace
    from pathlib import Path
    from fledge import (
        ClusterInfo, Clusters, ComputeBackend, Finding, Offer, Options, RunError, UsageError, hookimpl
    )

    @hookimpl
    def fledge_backends(): return [Offer("farm", "farm:Farm", "farm:FarmOptions")]

    class FarmOptions(Options):
        cluster: str = "barn"
        size: str = "small"
        max_nodes: int = 1
        book: Path = Path("farm.json")

    class Farm(ComputeBackend, Clusters):
        def clusters(self):
            told = json.loads(self.options.book.read_text()) if self.options.book.exists() else []
            return sorted((ClusterInfo(**one) for one in told), key=lambda one: one.name)

        def ensure_cluster(self, nodes, say):
            wanted = self.options
            there = next((one for one in self.clusters() if one.name == wanted.cluster), None)
            if there is None:
                say(f"making {wanted.cluster}")
                limit = max(nodes, wanted.max_nodes)
                made = ClusterInfo(wanted.cluster, wanted.size, "Steady", 0, 0, 0, limit, 600, "dedicated")
            elif "size" in wanted.model_fields_set and wanted.size != there.size:
                raise UsageError(f"{there.name} is of {there.size}", hint="another name")
            else:
                told = wanted.model_fields_set & {"max_nodes"}
                made = replace(there, **{name: getattr(wanted, name) for name in told})
            self._keep([*(one for one in self.clusters() if one.name != made.name), made])
            return made

        def delete_cluster(self, name):
            self._keep([one for one in self.clusters() if one.name != name])

        def wire(self, request):
            return {"POST /farm/jobs": {"job": request.body["job"], "token": "TOKEN"}}

        def _keep(self, all): self.options.book.write_text(json.dumps([vars(one) for one in all]))

        def _plan(self, job): return {"job": job.name}

        def _inspect(self, request):
            if self.options.cluster == "moon":
                raise TimeoutError("far away")
            if self.options.cluster in [one.name for one in self.clusters()]:
                return [Finding("ok", f"{self.options.cluster} is there"), Finding("warning", "it rains", "umbrella")]
            return [Finding("error", f"there is no {self.options.cluster}", "fledge compute ensure")]

        def _submit(self, request, key, after): raise RunError("it starts something")
        _status = _read_log = _cancel = _fetch = _submit
"""
TRAIN = ("run", "--dataset", "dots", "--model", "tiny", "--experiment", "wheat")


@pytest.fixture
def farm(fledge: "Fledge", give: "Give") -> "Fledge":
    """fledge with that backend."""
    give("farm", FARM)
    return fledge


def test_a_cluster_comes_grows_and_goes(farm: "Fledge") -> None:
    assert farm("compute", "list", "--backend", "farm", "--json").lines == []
    made = farm("compute", "ensure", "--backend", "farm", "--json")
    assert made.err == "making barn\n"
    (barn,) = made.lines
    assert barn == {
        "name": "barn", "size": "small", "state": "Steady", "nodes": 0, "busy": 0, "min_nodes": 0, "max_nodes": 1,
        "idle_seconds": 600, "priority": "dedicated",
    }  # fmt: skip
    grown = farm("compute", "ensure", "--backend", "farm", "--set", "backend.max_nodes=4")
    assert grown.out == "barn is there: small, 0 to 4 nodes, dedicated, idle ones given back after 600 s\n"
    # What nobody has told is left as it is.
    assert farm("compute", "ensure", "--backend", "farm", "--json").last["max_nodes"] == 4
    rows = farm("compute", "list", "--backend", "farm").out.splitlines()
    assert rows[0].split() == ["name", "size", "state", "nodes", "busy", "min", "max", "idle", "priority"]
    assert rows[1].split() == ["barn", "small", "Steady", "0", "0", "0", "4", "600", "s", "dedicated"]
    assert farm("compute", "delete", "BARN", "--backend", "farm").out == "barn is gone: 0 nodes of small given back\n"
    assert farm("compute", "list", "--backend", "farm", "--json").lines == []


def test_a_spec_says_which_cluster_and_how_large(farm: "Fledge") -> None:
    (farm.folder / "specs").mkdir()
    spec = farm.folder / "specs" / "farm.toml"
    spec.write_text('[backend]\nname = "farm"\ncluster = "silo"\nbook = "book.json"\n[launcher]\nnodes = 3\n')
    assert farm("compute", "ensure", spec, "--json").last["max_nodes"] == 3
    assert json.loads((spec.parent / "book.json").read_text())[0]["name"] == "silo"
    assert "silo is of small" in farm("compute", "ensure", spec, "--set", "backend.size=large", status=2).err
    assert farm("compute", "delete", "silo", spec, "--json").last["name"] == "silo"


def test_a_busy_cluster_is_not_deleted_by_accident(farm: "Fledge") -> None:
    farm("compute", "ensure", "--backend", "farm")
    book = farm.folder / "farm.json"
    book.write_text(json.dumps([one | {"nodes": 2, "busy": 1} for one in json.loads(book.read_text())]))
    refused = farm("compute", "delete", "barn", "--backend", "farm", status=1).err
    assert "barn has 1 node at work" in refused
    assert "--yes" in refused
    assert farm("compute", "delete", "barn", "--backend", "farm", "--yes").out.startswith("barn is gone: 2 nodes")
    gone = farm("compute", "delete", "barn", "--backend", "farm", status=2).err
    assert "there is no cluster named 'barn'" in gone


def test_a_backend_without_clusters_names_those_that_have_some(farm: "Fledge", give: "Give") -> None:
    give("torn", """
        from fledge import Offer, hookimpl
        @hookimpl
        def fledge_backends(): return [Offer("torn", "nowhere:Torn")]
    """)  # fmt: skip
    for words in (("list",), ("ensure", "--backend", "local"), ("delete", "barn")):
        told = farm("compute", *words, status=2).err
        assert "backend 'local' has no clusters" in told
        assert "farm" in told
        assert "torn" not in told
    assert "did you mean 'farm'" in farm("compute", "list", "--backend", "frm", status=2).err
    told = farm("compute", "list", "--backend", "farm", "--set", "backend.clutser=barn", status=2).err
    assert "did you mean" in told


def test_check_asks_and_starts_nothing(farm: "Fledge") -> None:
    words = (*TRAIN, "--backend", "farm", "--check")
    missing = farm(*words, status=1)
    assert missing.out == "error    there is no barn\n         fledge compute ensure\n"
    farm("compute", "ensure", "--backend", "farm")
    assert farm(*words).out == "ok       barn is there\nwarning  it rains\n         umbrella\n"
    assert farm(*words, "--json").lines == [
        {"level": "ok", "message": "barn is there", "remedy": ""},
        {"level": "warning", "message": "it rains", "remedy": "umbrella"},
    ]
    silent = farm(*words, "--set", "backend.cluster=moon", status=1).err
    assert "does not answer: TimeoutError: far away" in silent
    assert not farm.home.exists()


def test_a_backend_with_nobody_to_ask_says_so(fledge: "Fledge") -> None:
    (told,) = fledge(*TRAIN, "--check", "--json").lines
    assert told["level"] == "ok"
    assert "backend 'local' has nobody to ask" in told["message"]
    assert list(fledge.folder.iterdir()) == []


def test_the_wire_is_shown_as_it_would_be_sent(farm: "Fledge") -> None:
    words = (*TRAIN, "--backend", "farm", "--dry-run=wire")
    bodies = {"POST /farm/jobs": {"job": "wheat", "token": "TOKEN"}}
    assert json.loads(farm(*words).out) == bodies
    assert farm(*words, "--json").lines == [bodies]
    assert list(farm.folder.iterdir()) == []


def test_a_dry_run_is_of_one_kind_or_the_other(fledge: "Fledge") -> None:
    nothing = fledge(*TRAIN, "--dry-run=wire", status=2).err
    assert "backend 'local' sends nothing over a wire" in nothing
    unknown = fledge(*TRAIN, "--dry-run=wier", status=2).err
    assert "'wire'" in unknown
    assert "'plan'" in unknown
    assert fledge(*TRAIN, "--dry-run=plan").out == fledge(*TRAIN, "--dry-run").out
    assert "leave out one of them" in fledge(*TRAIN, "--dry-run", "--check", status=2).err
