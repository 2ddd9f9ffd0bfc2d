"""Microsoft's SDK v2 without a sound: what it says of itself, and shows of its progress, nobody has asked for."""

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import TextIO

from azure.ai.ml._utils import _azureml_polling

# It has a handler of its own, to standard error.
_logger = logging.getLogger("azure.ai.ml")
for _handler in list(_logger.handlers):
    _logger.removeHandler(_handler)
_logger.addHandler(logging.NullHandler())
# While it waits it prints dots, on standard output and from a thread of its own: by its module's `print`, which is
# nobody else's.
_azureml_polling.print = lambda *words, **told: None
_one_at_a_time = threading.Lock()


@contextmanager
def uploading() -> Iterator[None]:
    with _one_at_a_time, redirect_stderr(_Hushed(sys.stderr)):
        yield


class _Hushed(io.TextIOBase):
    """Standard error to all but the thread that made this: an upload prints there, and cannot be told not to."""

    def __init__(self, real: TextIO) -> None:
        self._real, self._thread = real, threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._thread else self._real.write(text)

    def flush(self) -> None:
        self._real.flush()
