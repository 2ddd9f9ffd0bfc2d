"""Reading a raw pickle of tensors while running nothing that it names.

A pickle is a program. This reader knows three of its words, by exact name: an ordered dict, a
tensor over a storage, and a storage from bytes; it carries out the last two itself. Any other
name ends the reading before anything is called.
"""

import io
import pickle
from collections.abc import Sequence

import torch
from fledge import DataError
from torch import Tensor

_HINT = "nothing in it was run; get the file again from where it should come from"


def read_pickled_tensors(data: bytes, where: str) -> dict[str, Tensor]:
    """The dictionary of tensors that `data` pickles; DataError for anything else, whatever it is."""
    try:
        held = _Reader(io.BytesIO(data)).load()
    except DataError as error:
        raise DataError(f"{where}: {error.message}", hint=_HINT) from error
    except Exception as error:
        # A stack machine fed with foreign bytes fails in as many ways as there are bytes.
        raise DataError(f"{where} is no pickle of tensors: {type(error).__name__}: {error}", hint=_HINT) from error
    if type(held) is not _Dict or not all(type(k) is str and isinstance(v, Tensor) for k, v in held.items()):
        raise DataError(f"{where} pickles something else than a dictionary of tensors", hint=_HINT)
    return dict(held)


# A pickle can also assign attributes to whatever it has been given, and torch's own functions would keep such
# an assignment for the rest of the process: hence stand-ins that have no attributes to assign to.


class _Dict(dict[str, Tensor]):
    """Stands in for an OrderedDict."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """torch hangs a table of module versions on its state dicts; nothing here needs it."""


class _Rebuild:
    """Does torch._utils._rebuild_tensor_v2's work, for in-bounds views only."""

    __slots__ = ()

    def __call__(self, storage: object, offset: int, size: Sequence[int], stride: Sequence[int], *_: object) -> Tensor:
        if type(storage) is not torch.storage.TypedStorage:
            raise DataError("a tensor without a storage")
        if not all(type(n) is int and n >= 0 for n in (offset, *size, *stride)):
            raise DataError("a tensor of impossible shape")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        empty = torch.empty(0, dtype=storage.dtype)
        content = storage._untyped_storage
        if 0 not in size and last >= content.nbytes() // empty.itemsize:
            raise DataError("a tensor that reaches beyond its storage")
        return empty.set_(content, offset, tuple(size), tuple(stride))


class _Storage:
    """Does torch.storage._load_from_bytes' work, which in torch unpickles whatever the bytes say."""

    __slots__ = ()

    def __call__(self, data: bytes) -> object:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        match module, name:
            case "collections", "OrderedDict":
                return _Dict
            case "torch._utils", "_rebuild_tensor_v2":
                return _Rebuild()
            case "torch.storage", "_load_from_bytes":
                return _Storage()
        raise DataError(f"the pickle names {module}.{name}, which no file of tensors needs")
