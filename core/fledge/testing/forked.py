"""Forked: a piece of work in a copy of this process, which costs no start of Python."""

import os
import traceback
from collections.abc import Callable
from typing import ParamSpec

_Told = ParamSpec("_Told")


class Forked:
    """work(*told) done in a process of its own, from now on."""

    def __init__(self, work: Callable[_Told, object], *told: _Told.args, **more: _Told.kwargs) -> None:
        reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                os.write(writer, str(work(*told, **more)).encode())
                status = 0
            except Exception:  # noqa: BLE001 -- whatever it is, this copy must not go on as if it were the first
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(writer)
        self._told = os.fdopen(reader)

    def result(self) -> str | None:
        """What it came to, as text, once it has ended; None where it was killed. Raises RuntimeError if it failed."""
        _, status = os.waitpid(self._pid, 0)
        with self._told as told:
            text = told.read()
        if os.WIFSIGNALED(status):
            return None
        if status:
            raise RuntimeError("what was to be done apart has failed")
        return text
