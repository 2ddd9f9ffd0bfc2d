import hashlib

import torch
from fledge import tensors_sha256
from hypothesis import given
from hypothesis import strategies as st


def test_the_digest_is_what_its_docstring_says() -> None:
    tensors = {"b": torch.tensor([[1.0, 2.0]]), "a": torch.tensor(3, dtype=torch.int64)}
    told = b"a\0int64\0\0" + (3).to_bytes(8, "little")
    told += b"b\0float32\0" + b"1,2\0" + bytes.fromhex("0000803f00000040")
    assert tensors_sha256(tensors) == hashlib.sha256(told).hexdigest()


def test_it_sees_every_kind_of_difference() -> None:
    base = {"w": torch.arange(6, dtype=torch.float32).reshape(2, 3)}
    others = [
        {"v": base["w"]},
        {"w": base["w"].reshape(3, 2)},
        {"w": base["w"].to(torch.float64)},
        {"w": base["w"] + 1e-7},
        {**base, "x": torch.zeros(0)},
    ]
    digests = {tensors_sha256(tensors) for tensors in [base, *others]}
    assert len(digests) == 6


@given(dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool]))
def test_memory_layout_makes_no_difference(dtype: torch.dtype) -> None:
    tensor = torch.arange(24).reshape(1, 2, 3, 4).to(dtype)
    spread = tensor.contiguous(memory_format=torch.channels_last)
    assert tensors_sha256({"w": tensor}) == tensors_sha256({"w": spread})
    assert tensors_sha256({"w": tensor}) == tensors_sha256({"w": tensor.transpose(2, 3).contiguous().transpose(2, 3)})
