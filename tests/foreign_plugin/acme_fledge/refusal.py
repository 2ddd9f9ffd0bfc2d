"""Refusal: what a server answers where it will not do what it was asked."""

import re
from pathlib import PurePosixPath

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Refusal(Exception):  # noqa: N818 -- says what it is
    """usage: the question is wrong, and no state of the server's would make it right."""

    def __init__(self, message: str, hint: str = "", *, usage: bool = False) -> None:
        super().__init__(message)
        self.message, self.hint, self.usage = message, hint, usage


def checked_name(name: str) -> str:
    """A run's or a submission's name: it becomes a file's."""
    if not _NAME.fullmatch(name):
        raise Refusal(f"{name!r} cannot name a run", usage=True)
    return name


def checked_path(path: str) -> str:
    """A path or a pattern that stays below the folder that it is meant for."""
    if not path or path.startswith("/") or ".." in PurePosixPath(path).parts:
        raise Refusal(f"{path!r} does not name files within a run", 'for example: "outputs/**/*"', usage=True)
    return path
