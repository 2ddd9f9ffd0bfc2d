"""The commands of `fledge runs`."""

import typer

from fledge.cli.runs.cancel import cancel
from fledge.cli.runs.compare import compare
from fledge.cli.runs.delete import delete
from fledge.cli.runs.explain import explain
from fledge.cli.runs.files import download, files
from fledge.cli.runs.list import list_
from fledge.cli.runs.logs import logs
from fledge.cli.runs.resume import resume
from fledge.cli.runs.show import show
from fledge.cli.runs.sync import sync

app = typer.Typer(no_args_is_help=True)
app.command("list")(list_)
for command in (show, compare, explain, logs, files, download, cancel, resume, sync, delete):
    app.command()(command)
