"""Whether something is made without a trace."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

# Where whoever writes behind one's back writes.
_PERSONAL = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TORCH_HOME", "HF_HOME", "FLEDGE_HOME")


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    """Fails where, within, a server is called, or anything is written to `folder`: it is made the working folder, the
    person's own, and that of all caches.
    """
    folder.mkdir(exist_ok=True)
    calls: list[object] = []

    def call(*told: object, **more: object) -> NoReturn:
        calls.append(told)
        raise ConnectionRefusedError("who is only made calls nobody")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in _PERSONAL:
            patch.setenv(name, str(folder))
        for name in ("getaddrinfo", "create_connection"):
            patch.setattr(socket, name, call)
        patch.setattr(socket.socket, "connect", call)
        yield
    assert not calls, "it calls a server"
    assert [path.name for path in folder.iterdir()] == [], "it writes"
