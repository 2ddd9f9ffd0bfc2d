"""Whether what a job takes along is within what the service takes, and what to leave behind where it is not."""

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

from fledge import UsageError

from fledge_azureml.facts import MAX_BYTES, MAX_FILES

_IGNORE_FILES = (".fledgeignore", ".amlignore", ".gitignore")
_SHOWN = 5
# A folder of which one part is nearly all is not what should stay behind: that part is.
_NEARLY_ALL = 0.9
MB = 2**20


def check_snapshot(files: Mapping[str, int], left_out: Mapping[str, int], own: int) -> None:
    """`files`: bytes by path; `own`: how many come on top, fledge's own. Raises UsageError where it is too much."""
    size, count = sum(files.values()), len(files) + own
    if size <= MAX_BYTES and count <= MAX_FILES:
        return
    lines = _culprits(files, size - MAX_BYTES) if size > MAX_BYTES else []
    kept = {name: 1 for name in files if not any(_is_below(name, line) for line in lines)}
    lines += _culprits(kept, len(kept) + own - MAX_FILES)
    raise UsageError(
        f"the run takes along {count:,} files of {size / MB:,.1f} MB, and Azure Machine Learning takes {MAX_FILES:,} "
        f"files and {MAX_BYTES / MB:,.0f} MB; " + (_largest(files) if size > MAX_BYTES else _fullest(files)),
        hint=f"add to {_ignore_file(files, left_out)} what can stay behind, such as:\n    " + "\n    ".join(lines),
    )


def _largest(files: Mapping[str, int]) -> str:
    names = sorted(files, key=lambda name: -files[name])[:_SHOWN]
    return "the largest: " + ", ".join(f"{name} ({files[name] / MB:.1f} MB)" for name in names)


def _fullest(files: Mapping[str, int]) -> str:
    folders = Counter(f"{PurePosixPath(name).parent}/" for name in files)
    told = (f"{folder} ({count:,} files)" for folder, count in folders.most_common(_SHOWN))
    return "the fullest folders: " + ", ".join(told)


def _culprits(weights: Mapping[str, int], excess: int) -> list[str]:
    """As lines of an ignore file: what weighs most, until what is left is light enough."""
    left, lines = dict(weights), []
    while excess > 0 and left:
        chosen = _heaviest(left)
        taken = [name for name in left if _is_below(name, chosen)]
        excess -= sum(left.pop(name) for name in taken)
        lines.append(chosen)
    return lines


def _heaviest(weights: Mapping[str, int]) -> str:
    folder = ""
    while True:
        children: Counter[str] = Counter()
        for name, weight in weights.items():
            if name.startswith(folder):
                first, slash, _ = name.removeprefix(folder).partition("/")
                children[folder + first + slash] += weight
        heaviest, weight = children.most_common(1)[0]
        if folder and weight < _NEARLY_ALL * children.total():
            return "/" + folder
        if not heaviest.endswith("/"):
            return "/" + heaviest
        folder = heaviest


def _is_below(name: str, line: str) -> bool:
    path = line.removeprefix("/")
    return name.startswith(path) if path.endswith("/") else name == path


def _ignore_file(files: Mapping[str, int], left_out: Mapping[str, int]) -> str:
    """The one that is in use: another one would take its place, not add to it."""
    there = {*left_out, *(name for name in files if len(PurePosixPath(name).parts) == 1)}
    return next((name for name in _IGNORE_FILES if name in there), _IGNORE_FILES[0])
