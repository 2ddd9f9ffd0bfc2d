"""Entries: what of a folder's content a person means."""

import os
from pathlib import Path

# What desktops leave in folders, beside hidden files; nobody means them as images.
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}


def plain_entries(folder: Path) -> tuple[list[str], list[str]]:
    """(folders, other files), sorted, without hidden ones and litter."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.lower() not in _LITTER:
                (folders if entry.is_dir() else files).append(entry.name)
    return sorted(folders), sorted(files)
