"""`fledge deploy`: a registered model behind an address of a backend's."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from fledge.cli.words import AsJson


def deploy(
    model: Annotated[str, typer.Argument(help="NAME, NAME/VERSION or NAME@ALIAS; the newest where none is named.")],
    backend: Annotated[str, typer.Option(help="Where it is to answer.")],
    name: Annotated[str | None, typer.Option("--name", "-n", help="Of the address; left out, the model's.")] = None,
    registry_name: Annotated[str, typer.Option("--registry", help="Which registry.")] = "local",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="backend.KEY=VALUE", help="Set an option of the backend.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be made (the model is fetched, to look at it); make nothing."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have a registered model answer what is on pictures at an address of its own, all day.

    It is its exported file that answers, one that is proved to answer as the model does, by the program of
    fledge serve. A model that has that address takes the place of the one before once it is healthy.
    """
    import sys
    import tempfile
    from pathlib import Path

    from fledge.cli.context import context
    from fledge.cli.printing import nested, print_json
    from fledge.errors import UsageError
    from fledge.inference.locate import exported_of
    from fledge.interfaces.deployer import Deployable, Deployer
    from fledge.registration import registry_of
    from fledge.versions import find_version

    here = context()
    if not issubclass(here.catalog.implementation("backend", backend), Deployer):
        raise UsageError(
            f"the backend {backend!r} runs jobs, and cannot have a model answer",
            hint=f"on this machine: fledge serve {model}",
        )
    deployer = here.catalog.make("backend", backend, _options(set_ or ()), here.home)
    registry = registry_of(registry_name, here.catalog, here.home)
    version = find_version(registry, model)
    file = exported_of(version)
    exporter = here.catalog.find("extension", Path(file).suffix.removeprefix(".")).plugin
    with tempfile.TemporaryDirectory() as folder:
        registry.fetch(version.name, version.version, Path(folder))
        wanted = Deployable(version, Path(folder), file, _requirements("fledge", exporter.distribution))
        name = name or version.name
        if dry_run:
            planned = deployer.plan_deployment(wanted, name)
            if as_json:
                print_json(planned)
            for line in () if as_json else nested(planned):
                print(line)
            return
        print(f"deploying {version.name}/{version.version} to {backend}: it may take minutes", file=sys.stderr)
        made = deployer.deploy(wanted, name)
    for note in made.notes:
        print(note, file=sys.stderr)
    print_json(
        {"model": f"{version.name}/{version.version}", "name": made.name, "url": made.url}
    ) if as_json else print(made.url)


def _options(settings: Iterable[str]) -> dict[str, Any]:
    """The backend's, by their names. Raises UsageError for a key of anything else."""
    from fledge.errors import UsageError
    from fledge.spec.load import parse_assignment

    told = {}
    for key, value in map(parse_assignment, settings):
        section, _, option = key.partition(".")
        if section != "backend" or not option:
            raise UsageError(
                f"--set {key}: of a deployment there is the backend to set", hint="--set backend.KEY=VALUE"
            )
        told[option] = value
    return told


def _requirements(*distributions: str) -> tuple[str, ...]:
    from importlib.metadata import version

    return tuple(f"{one}=={version(one)}" for one in distributions)
