"""The commands there are."""

import typer

from fledge.cli import run
from fledge.cli.compute import app as compute
from fledge.cli.deploy import deploy
from fledge.cli.doctor import doctor
from fledge.cli.export import export
from fledge.cli.models import app as models
from fledge.cli.plugins.app import app as plugins
from fledge.cli.predict import predict
from fledge.cli.report import report
from fledge.cli.rerun import rerun
from fledge.cli.runs.app import app as runs
from fledge.cli.serve import serve
from fledge.cli.spec import app as spec
from fledge.cli.sweep import sweep
from fledge.cli.verify import verify

app = typer.Typer(
    name="fledge",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Fine-tune an image classifier here, then send the identical run to a cluster by changing one flag.",
)
app.command(
    "run", cls=run.RunCommand, help="Train a model, or execute a script: on this machine or on another backend."
)(run.run)
app.command("rerun")(rerun)
app.command("sweep")(sweep)
app.command("verify")(verify)
app.command("export")(export)
app.command("predict")(predict)
app.command("serve")(serve)
app.command("deploy")(deploy)
app.command("report")(report)
app.command("doctor")(doctor)
app.add_typer(runs, name="runs", help="What ran, what runs, and what came of it.")
app.add_typer(models, name="models", help="Trained models by name and version.")
app.add_typer(compute, name="compute", help="The clusters that runs go to: what there is, one more, one less.")
app.add_typer(plugins, name="plugins", help="What is installed, whether it works, and how to make another.")
app.add_typer(spec, name="spec", help="The run spec: write one, or its JSON schema for editors.")


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print fledge's version.", is_eager=True)) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"fledge {installed('fledge')}")
        raise typer.Exit
