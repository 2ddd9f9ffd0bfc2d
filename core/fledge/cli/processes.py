"""`--processes N` or `--processes MIN:MAX`: how many train together, and how few may go on."""

from typing import Any

import typer

METAVAR = "N|MIN:MAX"


class Processes(dict[str, Any]):
    """The keys of the launcher's section that it sets."""

    @classmethod
    def parse(cls, text: str) -> "Processes":
        few, colon, many = text.rpartition(":")
        try:
            told = cls(processes=int(many), min_processes=int(few) if colon else None)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is neither a number, such as 2, nor two of them, such as 1:3") from None
        return told
