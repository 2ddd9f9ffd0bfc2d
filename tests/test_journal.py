"""The journal: what is written is read, whatever happened to its writer."""

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fledge.runs.journal import FILE, Journal, events, read
from hypothesis import given
from hypothesis import strategies as st

from tests.small_disk import small_disk

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(st.text(min_size=1).filter(lambda key: key not in ("event", "time")), plain, max_size=4)


def write(folder: Path, *told: dict[str, Any]) -> None:
    journal = Journal(folder)
    for one in told:
        journal.write("metrics", **one)
    journal.close()


@given(st.lists(fields, max_size=5))
def test_what_is_written_is_read(told: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), *told)
        seen = list(events(Path(name)))
        assert [{k: v for k, v in event.items() if k not in ("event", "time")} for event in seen] == told
        assert all(event["event"] == "metrics" and event["time"].endswith("+00:00") for event in seen)


@given(st.lists(fields, min_size=1, max_size=4), st.data())
def test_a_torn_last_line_costs_that_line_alone(told: list[dict[str, Any]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, *told)
        whole = (folder / FILE).read_bytes()
        last = whole.rstrip(b"\n").rfind(b"\n") + 1
        cut = data.draw(st.integers(last, len(whole) - 1))
        (folder / FILE).write_bytes(whole[:cut])
        before = list(events(folder))
        assert len(before) == len(told) - 1

        write(folder, {"after": "the fall"})
        after = list(events(folder))
        # Cut at its very end, the line is whole but for its line break, which the next writer adds.
        torn = cut < len(whole) - 1
        assert len(after) == len(told) + (0 if torn else 1)
        assert after[-1]["after"] == "the fall"


def test_a_disk_that_stays_full_for_a_while_costs_only_what_was_told_then(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "64k") as folder:
        journal = Journal(folder)
        journal.write("metrics", number=0)
        (folder / "spare").write_bytes(bytes(4096))
        with suppress(OSError):
            while True:
                journal.write("metrics", filler="x" * 999)
        # The last of those is torn, and there is not even room to end its line.
        with pytest.raises(OSError, match="No space left"):
            journal.write("metrics", number=1)
        (folder / "spare").unlink()
        journal.write("metrics", number=2)
        journal.close()
        told = [event["number"] for event in events(folder) if "number" in event]
        assert told == [0, 2]


@given(st.lists(fields, max_size=5), st.data())
def test_reading_goes_on_where_it_stopped(told: list[dict[str, Any]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), *told)
        everything = list(read(Path(name)))
        stop = data.draw(st.integers(0, len(everything)))
        offset = everything[stop - 1][1] if stop else 0
        assert list(read(Path(name), offset)) == everything[stop:]


def test_numbers_that_json_lacks_become_words(tmp_path: Path) -> None:
    write(tmp_path, {"values": {"loss": float("nan"), "norm": [float("inf"), float("-inf")]}})
    line = (tmp_path / FILE).read_text()
    values = json.loads(line, parse_constant=no_json)["values"]
    assert values == {"loss": "nan", "norm": ["inf", "-inf"]}


def no_json(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"n": 1})
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'nonsense\n\n[1, 2]\n{"no": "event"}\n\xff\xfe\n')
    write(tmp_path, {"n": 2})
    assert [event["n"] for event in events(tmp_path)] == [1, 2]


def test_no_journal_has_no_events(tmp_path: Path) -> None:
    assert list(events(tmp_path)) == []


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fledge.runs.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(200): journal.write('metrics', who=sys.argv[2], n=n, filling='x' * n * 7)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(who)]) for who in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    seen = [(event["who"], event["n"]) for event in events(tmp_path)]
    for who in range(4):
        assert [n for writer, n in seen if writer == str(who)] == list(range(200))
