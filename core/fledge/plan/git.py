"""What git says of a folder: at which commit it is, and what was changed since."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PATIENCE_SECONDS = 10.0
_LARGEST_DIFF = 5_000_000


@dataclass(frozen=True)
class Git:
    """branch is None where none is checked out, remote (`origin`) where there is none; it holds no password.

    dirty is whether a file that git knows differs from the commit.
    """

    commit: str
    branch: str | None
    remote: str | None
    dirty: bool


def git_state(folder: Path) -> Git | None:
    """None outside a repository, in one without a commit, and where there is no git."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    told = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    lines = (told or "").splitlines()
    head = {key: value for key, _, value in (line[2:].partition(" ") for line in lines if line.startswith("# "))}
    commit = head.get("branch.oid", "(initial)")
    if commit == "(initial)":
        return None
    branch = head["branch.head"]
    return Git(
        commit=commit,
        branch=None if branch == "(detached)" else branch,
        remote=_without_password(_git(folder, "config", "--get", "remote.origin.url")),
        dirty=any(not line.startswith("#") for line in lines),
    )


def git_diff(folder: Path) -> str:
    """What a commit lacks of its repository's files, as a patch for `git apply`; a sentence where that is too large."""
    told = _git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", "--binary") or ""
    if len(told) > _LARGEST_DIFF:
        return f"left out: {len(told)} bytes\n"
    return told


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_PATIENCE_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def _without_password(url: str | None) -> str | None:
    if not url:
        return None
    url = url.strip()
    address = urlsplit(url)
    # "git@host:path" is no URL, and has no password.
    if not address.scheme or "@" not in address.netloc:
        return url
    return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
