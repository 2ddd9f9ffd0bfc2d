"""The reader of raw pickles: it reads tensors, and whatever else a pickle says, nothing of it runs."""

import os
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fledge import DataError
from fledge_resnet.weights.restricted_pickle import read_pickled_tensors
from hypothesis import given, settings
from hypothesis import strategies as st


class Says:
    """Pickles as the call of `what` with `arguments`."""

    def __init__(self, what: Callable[..., Any], *arguments: object) -> None:
        self.call = (what, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def storage_of(tensor: torch.Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather not be asked for storages any more
        return tensor.storage()


def pickled(value: object) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pickle.dumps(value)


def rebuilt(size: tuple[object, ...], stride: tuple[object, ...], offset: object = 0) -> bytes:
    call = Says(torch._utils._rebuild_tensor_v2, storage_of(torch.arange(4.0)), offset, size, stride, False, {})
    return pickled(OrderedDict(w=call))


STATE = OrderedDict(w=torch.randn(2, 3), n=torch.tensor(7), h=torch.randn(4).half(), v=torch.arange(6.0)[2:4])
GOOD = pickled(STATE)


def test_a_dictionary_of_tensors_comes_back_value_for_value() -> None:
    read = read_pickled_tensors(GOOD, "file")
    assert list(read) == list(STATE)
    assert all(torch.equal(read[name], STATE[name]) and read[name].dtype == STATE[name].dtype for name in STATE)


def test_a_networks_state_dict_comes_back_without_its_version_table() -> None:
    state = torch.nn.BatchNorm1d(3).state_dict()
    assert read_pickled_tensors(pickled(state), "file").keys() == state.keys()


@pytest.mark.parametrize("protocol", range(6))
def test_no_call_of_anything_else_is_made(tmp_path: Path, protocol: int) -> None:
    sentinel = tmp_path / "ran"
    calls = [
        Says(os.system, f"touch {sentinel}"),
        Says(eval, f"open({str(sentinel)!r}, 'w')"),
        Says(exec, f"open({str(sentinel)!r}, 'w')"),
        Says(open, str(sentinel), "w"),
        Says(getattr, os, "system"),
        Says(pickle.loads, pickle.dumps(Says(os.system, f"touch {sentinel}"))),
        Says(torch.load, str(sentinel)),
    ]
    for call in calls:
        for value in (call, OrderedDict(STATE, x=call), [call]):
            try:
                data = pickle.dumps(value, protocol=protocol) if not isinstance(value, dict) else pickled(value)
            except TypeError:
                continue  # a module among the arguments has no pickle: that call cannot be said
            with pytest.raises(DataError, match="which no file of tensors needs"):
                read_pickled_tensors(data, "file")
    assert not sentinel.exists()


def test_a_pickle_hidden_in_a_storages_bytes_is_not_run_either(tmp_path: Path) -> None:
    sentinel = tmp_path / "ran"
    for legacy in (False, True):
        inner = tmp_path / "inner.pth"
        torch.save(Says(os.system, f"touch {sentinel}"), inner, _use_new_zipfile_serialization=not legacy)
        load: Callable[[bytes], object] = torch.storage._load_from_bytes
        hostile = pickled(OrderedDict(w=Says(load, inner.read_bytes())))
        with pytest.raises(DataError, match="nothing in it was run"):
            read_pickled_tensors(hostile, "file")
        assert not sentinel.exists()
        # The attack is real: torch's own loader falls for it.
        load(inner.read_bytes())
        assert sentinel.exists()
        sentinel.unlink()


@pytest.mark.parametrize(
    "data",
    [
        rebuilt((5,), (1,)),
        rebuilt((2, 2), (4, 1)),
        rebuilt((2,), (1,), offset=3),
        rebuilt((2,), (-1,), offset=0),
        rebuilt((-1,), (1,)),
        rebuilt((2,), (1,), offset=-1),
        rebuilt((2**62,), (2**62,)),
        rebuilt((2,), (1, 1)),
        rebuilt((2.0,), (1,)),
    ],
)
def test_a_tensor_reaches_no_memory_but_its_own(data: bytes) -> None:
    with pytest.raises(DataError):
        read_pickled_tensors(data, "file")


def test_an_empty_tensor_is_within_bounds() -> None:
    assert read_pickled_tensors(rebuilt((0, 3), (3, 1)), "file")["w"].shape == (0, 3)


@given(st.integers(0, len(GOOD) - 1))
def test_a_truncated_file_is_an_error(length: int) -> None:
    with pytest.raises(DataError):
        read_pickled_tensors(GOOD[:length], "file")


@pytest.mark.parametrize("value", [7, [STATE["w"]], {"w": STATE["w"]}, OrderedDict(w=7), OrderedDict({7: STATE["w"]})])
def test_other_contents_are_an_error(value: object) -> None:
    with pytest.raises(DataError, match="something else than a dictionary of tensors"):
        read_pickled_tensors(pickled(value), "file")


ADMITTED = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch.storage", "_load_from_bytes"),
}
MODULES = ["os", "posix", "builtins", "collections", "torch", "torch._utils", "torch.storage", "__main__", "sys"]
CALLS = ["system", "eval", "OrderedDict", "OrderedDict.fromkeys", "_rebuild_tensor_v2", "_load_from_bytes", "load"]
NAMES = st.sampled_from(MODULES + CALLS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12
)


@given(NAMES, NAMES)
def test_every_name_but_the_three_is_refused(module: str, name: str) -> None:
    if (module, name) in ADMITTED:
        return
    pushed = b"".join(b"X" + len(w.encode()).to_bytes(4, "little") + w.encode() for w in (module, name))
    with pytest.raises(DataError, match="which no file of tensors needs"):
        read_pickled_tensors(b"\x80\x04" + pushed + b"\x93)R.", "file")


# Programs of the pickle machine over the three admitted names: calls, assignments, building, in any order.
INSTRUCTIONS = st.sampled_from(
    [f"c{module}\n{name}\n".encode() for module, name in sorted(ADMITTED)]
    + [f"(i{module}\n{name}\n".encode() for module, name in sorted(ADMITTED)]
    + [b"(", b")", b"}", b"]", b"t", b"\x85", b"\x86", b"\x87", b"l", b"d", b"R", b"b", b"o", b"\x81", b"s", b"u", b"a"]
    + [b"e", b"\x94", b"h\x00", b"h\x01", b"2", b"0", b"1", b"K\x05", b"\x88", b"N", b"Q", b"P1\n", b"\x8f", b"\x92"]
    + [b"X" + len(w).to_bytes(4, "little") + w for w in (b"__class__", b"__call__", b"keys", b"__setstate__", b"w")]
    + [b"C\x03abc", b"\x82\x01"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(INSTRUCTIONS, max_size=25))
def test_any_program_over_the_admitted_names_ends_in_tensors_or_a_data_error(program: list[bytes]) -> None:
    rebuild = torch._utils._rebuild_tensor_v2
    before = (dict(vars(rebuild)), rebuild.__defaults__, rebuild.__kwdefaults__)
    try:
        read = read_pickled_tensors(b"\x80\x04" + b"".join(program) + b".", "file")
    except DataError:
        pass
    else:
        assert type(read) is dict
    assert before == (dict(vars(rebuild)), rebuild.__defaults__, rebuild.__kwdefaults__)
    assert read_pickled_tensors(GOOD, "file").keys() == STATE.keys()
