"""Trouble: what a failed build's log says, in a sentence with its remedy."""

import re
from pathlib import Path

from fledge import RunError

_UNREACHABLE = re.compile(
    r"connection broken by|Max retries exceeded|Could not (fetch|find a version)|No matching distribution"
)
_WANTED = re.compile(r"(?:requirement|distribution found for) ([A-Za-z][\w.-]*)")
_OTHER_SOURCE = "THESE PACKAGES DO NOT MATCH THE HASHES"
_FIRST = re.compile(r"\berror: |\bCMake Error|^ERROR: ")
_REMEDIES = (
    ("No space left on device", "make room, or name another cache folder: XDG_CACHE_HOME=DIR"),
    ("Killed signal terminated program", "memory ran out; file by file: taskset -c 0 python -m fledge_horovod.build"),
    ("option '-std=c++20'", "this compiler is too old for torch: install g++ 11 or newer, or name one: CXX=PATH"),
    ("Could NOT find NCCL", "install NCCL's headers (libnccl-dev), or name its folder: HOROVOD_NCCL_HOME=DIR"),
)
_LINES = 4


def trouble(log: Path) -> RunError:
    """The error to raise for the command that ended `log`."""
    # Of several commands in the log, the last is the one that failed.
    text = log.read_text(encoding="utf-8", errors="replace").rpartition("\n$ ")[2]
    whole = f"the whole log: {log}"
    if _OTHER_SOURCE in text:
        return RunError("the package index gave another horovod than PyPI's", hint=f"name another index; {whole}")
    if _UNREACHABLE.search(text):
        wanted = _WANTED.search(text)
        return RunError(
            f"pip could not fetch {wanted[1] if wanted else 'what the build needs'}: no package index gave it",
            hint=f"check the network, or name an index that can be reached: PIP_INDEX_URL=URL; {whole}",
            transient=True,
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((number for number, line in enumerate(lines) if _FIRST.search(line)), max(0, len(lines) - _LINES))
    told = "\n".join(f"    {line}" for line in lines[first : first + _LINES])
    remedy = next((f"{remedy}; " for sign, remedy in _REMEDIES if sign in text), "")
    return RunError(f"Horovod could not be built:\n{told}", hint=f"{remedy}{whole}")
