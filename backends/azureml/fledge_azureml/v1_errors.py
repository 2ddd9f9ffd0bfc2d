"""What errors of SDK v1 say: read by hand, for to print one may itself raise."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from fledge import FledgeError, RunError

from fledge_azureml.refusal import refusal


def translated(doing: str, error: Exception, no_answer: tuple[type[Exception], ...]) -> FledgeError:
    """In fledge's words. no_answer: the kinds that stand for a service that has not answered."""
    if any(isinstance(cause, no_answer) for cause in _causes(error)):
        return refusal(doing, None, f"it does not answer ({type(error).__name__})")
    said, status = words(error), status_of(error)
    code, told = _within("code", said), _within("message", said)
    if status is None:
        return RunError(f"Azure ML cannot {doing}: {told or f'{type(error).__name__}: {said}'}")
    return refusal(doing, status, told or said, code)


def status_of(error: Exception) -> int | None:
    """HTTP's, where anything that it holds or that caused it tells one."""
    for cause in _causes(error):
        for holder in (cause, getattr(cause, "response", None)):
            status = getattr(holder, "status_code", None)
            if isinstance(status, int):
                return status
        if written := re.search(r'(?:"status_code"|\bCode):\s*(\d{3})\b', words(cause)):
            return int(written[1])
    return None


def words(error: BaseException) -> str:
    said = getattr(error, "message", None) or (error.args[0] if error.args else "")
    with suppress(Exception):
        return str(said)
    return type(error).__name__


def _within(key: str, said: str) -> str:
    """Most of the SDK's messages have the service's JSON somewhere in them."""
    found = re.search(rf'"{key}"\s*:\s*("(?:[^"\\]|\\.)*")', said)
    with suppress(ValueError):
        return str(json.loads(found[1])) if found else ""
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Itself, and what it stands for: some hold one that says more."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        yield error
        seen.append(error)
        inner = getattr(error, "inner_exception", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__
