"""`fledge runs compare`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from fledge.cli.words import AsJson

_WIDTH = 32


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Runs' ids, or the beginnings of some.")],
    everything: Annotated[bool, typer.Option("--all", help="What they have in common, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Runs side by side: what they were made of, where it differs, and what came of them."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json, print_table
    from fledge.cli.runs.facts import facts
    from fledge.comparing.compare import compare as compare_runs
    from fledge.errors import UsageError

    if len(runs) < 2:
        raise UsageError("one run is alone", hint="name two or more: fledge runs compare RUN RUN")
    here = context()
    found = [facts(here, name) for name in runs]
    rows = compare_runs(found, everything=everything)
    if as_json:
        for row in rows:
            told = {"section": row.section, "key": row.key, "values": row.values, "differs": row.differs}
            print_json({"runs": [one.run for one in found], **told})
        return
    print_table(
        ["", "", *(one.run for one in found)],
        [[row.section, row.key, *_cells(row.values)] for row in rows],
    )


def _cells(values: Iterable[object]) -> list[str]:
    """What is long by its beginning; where that is the same of values that are not, by its end."""
    texts = [_text(value) for value in values]
    cells = [text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..." for text in texts]
    if len(set(cells)) < len(set(texts)):
        return [text if len(text) <= _WIDTH else f"...{text[3 - _WIDTH :]}" for text in texts]
    return cells


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
