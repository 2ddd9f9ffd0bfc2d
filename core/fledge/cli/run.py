"""`fledge run`: from words on the command line to a finished run."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from fledge.cli.processes import METAVAR, Processes
from fledge.cli.rehearsal import DryRun

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.plan.plan import Plan
    from fledge.spec.load import Override

_SCRIPT_ARGS = "fledge.script_args"
# Whose value may be left out, and what it then is.
_BARE = {"--profile": "--profile=table", "--dry-run": f"--dry-run={DryRun.plan}"}


class RunCommand(TyperCommand):
    """Keeps what stands behind `--` for the script, word by word; and knows options whose value may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_SCRIPT_ARGS] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, [_BARE.get(word, word) for word in args])


def run(
    ctx: typer.Context,
    spec: Annotated[Path | None, typer.Argument(help="A spec file (TOML); without one, options are enough.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set: dataset.name.")] = None,
    model: Annotated[str | None, typer.Option(help="Model: model.name.")] = None,
    backend: Annotated[str | None, typer.Option(help="Where it runs: backend.name.")] = None,
    tracker: Annotated[list[str] | None, typer.Option(help="Send metrics there too; may be repeated.")] = None,
    launcher: Annotated[str | None, typer.Option(help="How its processes start: launcher.name.")] = None,
    processes: Annotated[
        Processes | None, typer.Option(parser=Processes.parse, metavar=METAVAR, help="How many train together.")
    ] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="On how many machines: launcher.nodes.")] = None,
    with_: Annotated[list[str] | None, typer.Option("--with", help="An extension; may be repeated.")] = None,
    experiment: Annotated[str | None, typer.Option(help="The heading it is filed under.")] = None,
    script: Annotated[Path | None, typer.Option(help="Execute this script; its arguments follow --.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="[=trace]", help="Tell where the time went: training.profile.")
    ] = None,
    dry_run: Annotated[
        DryRun | None,
        typer.Option(metavar="[=wire]", help="Print the plan, or what would be sent; ask nobody, start nothing."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Ask the backend whether it could run now; start nothing.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it runs; print its id.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Standard output is JSON: the run's events, one a line; last, what came of it."),
    ] = False,
) -> int:
    from fledge.cli import rehearsal
    from fledge.cli.context import context
    from fledge.errors import UsageError
    from fledge.plan.make import make_plan
    from fledge.spec.load import load

    named = {
        "dataset.name": dataset,
        "model.name": model,
        "backend.name": backend,
        "launcher.name": launcher,
        "launcher.nodes": nodes,
        "experiment": experiment,
        "training.profile": profile,
        "script.path": str(script) if script else None,
    }
    overrides = _overrides(named, processes, tracker or (), with_ or (), ctx.meta.get(_SCRIPT_ARGS), set_ or ())
    if dry_run and check:
        raise UsageError("--dry-run asks nobody and --check does: leave out one of them")
    wanted = load(spec, overrides)
    if detach and wanted.register_as:
        raise UsageError(
            "a detached run cannot be registered by this command, which returns before there is a model",
            hint="leave out register, and then: fledge models register RUN --name NAME",
        )
    for note in wanted.notes:
        print(f"note: {note}", file=sys.stderr)
    here = context()
    plan = make_plan(wanted, here.catalog, here.home)
    if dry_run:
        return rehearsal.show(plan, dry_run, here, as_json=as_json)
    if check:
        return rehearsal.check(plan, here, as_json=as_json)
    return _start(plan, here, detach=detach, quiet=quiet, as_json=as_json)


def _overrides(
    named: Mapping[str, object],
    processes: Processes | None,
    trackers: Iterable[str],
    extensions: Iterable[str],
    script_args: list[str] | None,
    assignments: Iterable[str],
) -> "list[Override]":
    """What the words lay over the spec file; what stands later in it wins."""
    from fledge.spec.load import parse_assignment

    overrides: list[Override] = [(key, value) for key, value in named.items() if value is not None]
    overrides += [(f"launcher.{key}", value) for key, value in (processes or {}).items()]
    overrides += [(f"trackers.{name}", {}) for name in trackers]
    overrides += [(f"extensions.{name}", {}) for name in extensions]
    if script_args is not None:
        overrides.append(("script.args", script_args))
    return overrides + [parse_assignment(text) for text in assignments]


def _start(plan: "Plan", here: "Context", *, detach: bool, quiet: bool, as_json: bool) -> int:
    from fledge.cli.meter import Meter
    from fledge.cli.printing import print_json
    from fledge.interfaces.progress import no_progress
    from fledge.submission import submit

    with Meter() as meter:
        started = submit(plan, here.catalog, here.home, progress=no_progress if quiet else meter.progress)
    if not quiet:
        print(f"run {started.id} on {plan.spec.backend.name} ({len(plan.job.snapshot.files)} source files, "
              f"{plan.job.snapshot.size / 1e6:.2f} MB)", file=sys.stderr)  # fmt: skip
    if detach:
        print_json({"run": started.id, "state": "QUEUED"}) if as_json else print(started.id)
        return 0
    # Imported while the run starts.
    from fledge.cli.follow import follow

    return follow(started, here, as_json=as_json, quiet=quiet)
