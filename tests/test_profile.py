"""`fledge run --profile`: where the time went, told in the log, in `runs show`, and as a trace."""

import json
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.long_run import until, wait_for, words

if TYPE_CHECKING:
    from tests.conftest import Fledge

STAGES = {
    "start-up", "prepare data", "decode all images", "train", "train/load", "train/load/decode", "train/load/augment",
    "train/forward", "train/backward", "train/step", "evaluate", "evaluate/load", "train/checkpoint", "journal",
    "save model",
}  # fmt: skip


def by_path(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {"/".join(row["path"]): row for row in rows}


def test_a_profile_tells_every_stage_and_changes_nothing(fledge: "Fledge") -> None:
    plain = fledge(*words(), "--json").last
    done = fledge(*words(), "--profile", "--json")
    assert done.last["weights_sha256"] == plain["weights_sha256"]
    rows = fledge("runs", "show", done.last["run"], "--json").last["profile"]
    told = by_path(rows)
    assert {f"run/{stage}" for stage in STAGES} <= told.keys()
    assert told["run/train"]["count"] == 6
    assert told["run/train/backward"]["count"] == 6 * 25
    assert told["run/train/load/augment"]["count"] == 6 * 200
    # What is within something comes to it, the rest included.
    within: dict[tuple[str, ...], float] = defaultdict(float)
    for row in rows:
        within[tuple(row["path"][:-1])] += row["seconds"]
    for row in rows:
        inner = within.get(tuple(row["path"]))
        assert inner is None or inner == pytest.approx(row["seconds"], abs=0.01), row
    for text in (done.err, fledge("runs", "show", done.last["run"]).out):
        assert "where the time went" in text
        assert "    backward  " in text
    assert fledge("runs", "show", plain["run"], "--json").last["profile"] is None
    assert "trace.json" not in "".join(done.last["outputs"])


def test_a_trace_is_what_chrome_reads(fledge: "Fledge") -> None:
    done = fledge(*words("training.epochs=2"), "--profile=trace", "--json").last
    assert any(path.endswith("outputs/trace.json") for path in done["outputs"])
    events = json.loads((fledge.home / "runs" / done["run"] / "outputs" / "trace.json").read_text())["traceEvents"]
    steps = sorted((e["ts"], e["ts"] + e["dur"], e["name"]) for e in events if e["name"] in ("forward", "backward"))
    assert [name for _, _, name in steps].count("backward") == 2 * 25
    assert all(a[1] <= b[0] for a, b in pairwise(steps))
    assert {event["ph"] for event in events} == {"X"}


def test_a_run_that_is_canceled_tells_it_too(fledge: "Fledge") -> None:
    run = fledge(*words("model.slow=0.5"), "--profile", "--detach").out.strip()
    wait_for(fledge, run, "checkpoint")
    fledge("runs", "cancel", run)
    assert until(fledge, run, "CANCELED")["profile"]


def test_a_slip_is_named(fledge: "Fledge") -> None:
    assert "training.profile" in fledge(*words(), "--profile=tace", status=2).err
