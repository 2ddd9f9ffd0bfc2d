"""`fledge runs logs`."""

from typing import Annotated

import typer

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def logs(
    run: Run,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until it ends.")] = False,
    cursor: Annotated[int, typer.Option(min=0, help="Begin at this byte; --json tells where each line ends.")] = 0,
    as_json: AsJson = False,
) -> None:
    """What the run printed."""
    import sys

    from fledge.cli.context import context
    from fledge.cli.printing import print_json

    found, backend = context().run(run)
    reference = found.record().ref
    line = b""
    for chunk in backend.logs(reference, cursor, follow) if reference else ():
        if not as_json:
            sys.stdout.buffer.write(chunk.data)
            sys.stdout.flush()
            continue
        *whole, line = (line + chunk.data).split(b"\n")
        for one in whole:
            cursor += len(one) + 1
            print_json({"line": one.decode(errors="replace"), "cursor": cursor})
    if line:
        print_json({"line": line.decode(errors="replace"), "cursor": cursor + len(line)})
