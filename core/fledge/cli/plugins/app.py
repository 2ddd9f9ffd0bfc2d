"""The commands of `fledge plugins`."""

import typer

from fledge.cli.plugins.check import check
from fledge.cli.plugins.list import list_
from fledge.cli.plugins.new import new
from fledge.cli.plugins.show import show
from fledge.cli.plugins.switch import disable, enable

app = typer.Typer(no_args_is_help=True)
app.command("list")(list_)
for command in (show, check, new, disable, enable):
    app.command()(command)
