"""Arrays that are made once: found again, gone on with after a kill, and never trusted where they were damaged."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import pytest
from fledge.training.array_store import Array, ArrayStore
from hypothesis import given
from hypothesis import strategies as st

COUNT = 12


def array(number: int) -> Array:
    return np.random.default_rng(number).integers(0, 256, (number % 3 + 1, 4), dtype=np.uint8)


def nobody() -> None:
    raise AssertionError("nobody else is making it")


def store(folder: Path, name: str = "a") -> ArrayStore:
    return ArrayStore(folder, {"made from": name}, COUNT, "uint8", dimensions=2)


def same(one: ArrayStore, number: int) -> bool:
    got = one.get(number)
    return got is not None and np.array_equal(got, array(number))


def made(folder: Path, name: str = "a") -> tuple[ArrayStore, list[int]]:
    """A store, and the numbers of the arrays that had to be made for it."""
    asked: list[int] = []

    def arrays(start: int) -> Iterator[Array]:
        for number in range(start, COUNT):
            asked.append(number)
            yield array(number)

    return store(folder, name).make(arrays, nobody), asked


def test_it_is_made_once_for_the_same_facts(tmp_path: Path) -> None:
    first, asked = made(tmp_path)
    assert asked == list(range(COUNT))
    again, asked = made(tmp_path)
    assert not asked
    for one in (first, again):
        assert all(same(one, number) for number in range(COUNT))
    assert made(tmp_path, "b")[1] == list(range(COUNT))


@given(stopped=st.integers(0, COUNT), torn=st.integers(0, 60))
def test_what_a_kill_left_is_gone_on_with(stopped: int, torn: int) -> None:
    class KilledError(Exception):
        pass

    def arrays(start: int) -> Iterator[Array]:
        for number in range(start, stopped):
            yield array(number)
        raise KilledError

    with TemporaryDirectory() as name:
        folder = Path(name)
        unfinished = store(folder)
        with pytest.raises(KilledError):
            unfinished.make(arrays, nobody)
        # A row that was being written, and bytes whose row was not yet.
        for file in ("index", "arrays"):
            with (unfinished.path / file).open("ab") as end:
                end.write(bytes(torn))
        whole, asked = made(folder)
        assert asked == list(range(stopped, COUNT))
        assert all(same(whole, number) for number in range(COUNT))


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_damaged_array_is_not_given(place: float, bit: int) -> None:
    with TemporaryDirectory() as folder:
        path = made(Path(folder))[0].path / "arrays"
        content = bytearray(path.read_bytes())
        content[int(place * len(content))] ^= 1 << bit
        path.write_bytes(content)
        damaged = made(Path(folder))[0]
        got = [damaged.get(number) for number in range(COUNT)]
        assert sum(one is None for one in got) == 1
        assert damaged.whole() is None


def test_another_process_maps_the_same_file(tmp_path: Path) -> None:
    one = pickle.loads(pickle.dumps(made(tmp_path)[0]))
    assert all(same(one, number) for number in range(COUNT))


def test_reading_it_all_takes_little_memory(tmp_path: Path) -> None:
    size, count = 4_000_000, 60
    arrays = (np.full((1, size), number, dtype=np.uint8) for number in range(count))
    large = ArrayStore(tmp_path, {}, count, "uint8", dimensions=2).make(lambda _: arrays, nobody)
    before, most = psutil.Process().memory_info().rss, 0
    for number in range(count):
        got = large.get(number)
        assert got is not None
        assert got[0, -1] == number
        most = max(most, psutil.Process().memory_info().rss)
    assert most - before < size * count / 2
