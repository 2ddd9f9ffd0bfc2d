"""`fledge models`: register, list, show, download, promote."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.interfaces.registry import ModelVersion, Registry

app = typer.Typer(no_args_is_help=True)

InRegistry = Annotated[str, typer.Option("--registry", help="Which registry.")]
Name = Annotated[str, typer.Argument(help="NAME, NAME/VERSION or NAME@ALIAS; the newest version where none is named.")]


@app.command()
def register(
    run: Annotated[str, typer.Argument(help="A run's id, the beginning of one, or 'latest'.")],
    name: Annotated[str, typer.Option("--name", "-n", help="The model's name.")],
    registry_name: InRegistry = "local",
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="May be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a run's best model as the next version of a name."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.errors import UsageError
    from fledge.registration import register_run, registry_of

    tags = dict(text.partition("=")[::2] for text in tag or ())
    if not all(tags.values()):
        raise UsageError("a --tag is of the form KEY=VALUE")
    here = context()
    found, backend = here.run(run)
    registry = registry_of(registry_name, here.catalog, here.home)
    version = register_run(found, name, backend, registry, tags)
    print_json(_brief(version, registry)) if as_json else print(f"{version.name}/{version.version}")


@app.command("list")
def list_(registry_name: InRegistry = "local", as_json: AsJson = False) -> None:
    """Every version of every model."""
    import sys

    from fledge.cli.printing import print_json, print_table
    from fledge.errors import RegistryError

    registry = _registry(registry_name)
    rows = []
    for name in registry.names():
        try:
            versions = registry.versions(name)
        except RegistryError as error:
            # One damaged version must not hide the others.
            print(f"warning: {error}", file=sys.stderr)
            continue
        for version in versions:
            told = _brief(version, registry)
            if as_json:
                print_json(told)
            accuracy = told["val_accuracy"]
            shown = f"{accuracy:.4f}" if isinstance(accuracy, float) else ""
            cells = [told[key] for key in ("name", "version", "run", "created")]
            rows.append([*cells, shown, " ".join(told["aliases"])])
    if not as_json:
        print_table(["name", "version", "run", "created", "val accuracy", "aliases"], rows)


@app.command()
def show(name: Name, registry_name: InRegistry = "local", as_json: AsJson = False) -> None:
    """A version's card: classes, transforms, metrics, hashes, and the run it came from."""
    import json

    from fledge.cli.printing import print_json
    from fledge.versions import find_version

    registry = _registry(registry_name)
    version = find_version(registry, name)
    told = _brief(version, registry) | {"files": dict(version.files), "card": dict(version.card)}
    print_json(told) if as_json else print(json.dumps(told, indent=2))


@app.command()
def download(
    name: Name,
    registry_name: InRegistry = "local",
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to copy it into.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Copy a version's files out, checking every hash."""
    from fledge.cli.printing import print_json
    from fledge.versions import find_version

    registry = _registry(registry_name)
    version = find_version(registry, name)
    for path in registry.fetch(version.name, version.version, output):
        print_json({"path": str(path)}) if as_json else print(path)


@app.command()
def promote(
    name: Name,
    version_number: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", help="Which, where NAME is no more.")
    ] = None,
    *,
    alias: Annotated[str, typer.Option("--alias", help="What the version is to be called: NAME@ALIAS.")],
    registry_name: InRegistry = "local",
    as_json: AsJson = False,
) -> None:
    """Have an alias mean a version, once its exported file is proved to answer as the model does."""
    from fledge.cli.printing import print_json
    from fledge.versions import find_version
    from fledge.versions import promote as give

    registry = _registry(registry_name)
    version = find_version(registry, name if version_number is None else f"{name}/{version_number}")
    give(registry, version, alias)
    told = {"name": version.name, "version": version.version, "alias": alias}
    print_json(told) if as_json else print(f"{version.name}@{alias} is {version.name}/{version.version}")


def _registry(name: str) -> "Registry":
    from fledge.cli.context import context
    from fledge.registration import registry_of

    here = context()
    return registry_of(name, here.catalog, here.home)


def _brief(version: "ModelVersion", registry: "Registry") -> dict[str, Any]:
    aliases = registry.aliases(version.name).items()
    return {
        "name": version.name,
        "version": version.version,
        "run": version.run,
        "created": version.created,
        "classes": version.card.get("classes"),
        "val_accuracy": version.card.get("metrics", {}).get("val_accuracy"),
        "weights_sha256": version.card.get("weights_sha256"),
        "tags": dict(version.tags),
        "aliases": sorted(alias for alias, number in aliases if number == version.version),
    }
