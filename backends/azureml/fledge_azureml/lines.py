"""What a person has pip and conda install besides: lines that can work where the service builds the image."""

import re
import sys

from fledge import UsageError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.utils import canonicalize_name

# This machine's, for what was made here is read there.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_ADDRESS = re.compile(r"(\w+\+)?(?!file:)\w+://", re.IGNORECASE)
# Of pip's options those that have it read something, which may have an address too.
_READING = re.compile(r"(?:-[rcef]|--(?:requirement|constraint|editable|find-links)(?=[\s=]))[\s=]*(.*)")
_PATH = re.compile(r"[.~/\\]|(\w+\+)?file:|[^@;\s]+([/\\]|\.(whl|zip|tar\.gz)(\[|$))", re.IGNORECASE)

# As conda reads them: NAME, NAME=7, NAME=7=BUILD, NAME>=7,<8, NAME 7 BUILD, CHANNEL::NAME, NAME[version=7].
_VERSION = r"[=<>!~]{0,2}\s*[\w.*+!^$-]+"
_VERSIONS = rf"{_VERSION}(?:\s*[,|]\s*{_VERSION})*"
_CONDA = re.compile(
    rf"(?:[\w./-]+::)?(\w[\w.-]*)(?:(?:\s+|\s*(?=[=<>!~]))({_VERSIONS})(?:(?:=|\s+)[\w.*^$]+)?)?(?:\s*\[[^\]]*=[^\]]*\])?",
    re.ASCII,
)


def pip_name(line: str) -> str:
    """Of the distribution that a line is for; of an option or address the line itself.

    Raises UsageError for what is none, and for a file of this machine.
    """
    reading = _READING.match(line)
    if reading and not _ADDRESS.match(reading[1]):
        raise _unseen(line)
    if line.startswith("-") or _ADDRESS.match(line):
        return line
    if _PATH.match(line):
        raise _unseen(line)
    try:
        wanted = Requirement(line)
    except InvalidRequirement as error:
        words = str(error).splitlines()[0]
        raise UsageError(
            f"backend.pip: {line!r} is no requirement line: {words}", hint="such as timm==1.0.15"
        ) from None
    if wanted.url and not _ADDRESS.match(wanted.url):
        raise _unseen(line)
    return canonicalize_name(wanted.name)


def check_conda(line: str) -> None:
    """Raises UsageError for what conda would not read, and for another Python."""
    if _ADDRESS.match(line):
        return
    told = _CONDA.fullmatch(line.strip())
    if told is None:
        raise UsageError(f"backend.conda: {line!r} is no conda package", hint="such as libsndfile or ffmpeg=7")
    name, versions = told[1].lower(), told[2] or ""
    either = [alternative.split(",") for alternative in versions.split("|")]
    if name == "python" and not any(all(map(_holds_here, several)) for several in either):
        raise UsageError(
            f"backend.conda: {line!r} is another Python than {PYTHON}, this machine's, which is put there",
            hint="leave it out, or start fledge with the Python that is wanted",
        )


def _holds_here(version: str) -> bool:
    """Whether some release of this Python is of such a version."""
    stripped = version.strip()
    number = stripped.lstrip("=<>!~").strip()
    operator = stripped[: len(stripped) - len(stripped.lstrip("=<>!~"))]
    if operator.strip("="):
        try:
            asked = Specifier(operator + number)
        except InvalidSpecifier:
            return True
        return any(asked.contains(f"{PYTHON}.{patch}") for patch in range(100))
    # conda's 3.1 and 3.1.* are 3.1.4 too, and not 3.11.
    parts = number.rstrip("*").rstrip(".").split(".")
    return all(mine == told for mine, told in zip(PYTHON.split("."), parts, strict=False) if told)


def _unseen(line: str) -> UsageError:
    return UsageError(
        f"backend.pip: {line!r} names a file or folder of this machine: the service builds the image, and sees none",
        hint="what an index has, such as timm==1.0.15, or the https:// address of a wheel",
    )
