"""Which names match a glob pattern, as pathlib reads one: `**` is any number of folders, `*` stays within one."""

import re
from pathlib import PurePosixPath

from fledge import UsageError

_WILD = re.compile(r"[*?\[]")
_SET = re.compile(r"\[(!?)(\]?[^\]]*)\]")
_ANY = {"*": "[^/]*", "?": "[^/]"}


def matcher(pattern: str) -> re.Pattern[str]:
    """Raises UsageError for one that would leave the run's folder."""
    parts = PurePosixPath(pattern).parts
    if not parts or pattern.startswith("/") or ".." in parts:
        raise UsageError(f"{pattern!r} does not name files within a run", hint='for example: "outputs/**/*"')
    told = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            told += ".*" if last else "(?:[^/]+/)*"
        else:
            told += _within(part) + ("" if last else "/")
    try:
        return re.compile(told, re.DOTALL)
    except re.error as error:
        raise UsageError(f"{pattern!r} is no pattern: {error}", hint='for example: "outputs/**/*"') from None


def beginning(pattern: str) -> str:
    """Which all that match have in common."""
    found = _WILD.search(pattern)
    return pattern[: found.start()] if found else pattern


def _within(part: str) -> str:
    """One folder's or file's name: `*`, `?` and `[...]` as a shell has them."""
    told, rest = "", part
    while rest:
        found = _SET.match(rest)
        if found:
            told += f"[{'^/' if found[1] else ''}{_escaped(found[2])}]"
        else:
            told += _ANY.get(rest[0], re.escape(rest[0]))
        rest = rest[found.end() if found else 1 :]
    return told


def _escaped(letters: str) -> str:
    return re.sub(r"([\\\[\]^&~|])", r"\\\1", letters)
