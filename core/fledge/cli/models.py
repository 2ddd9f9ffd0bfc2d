"""`fledge models`: register, list, show, download."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.interfaces.registry import ModelVersion, Registry

app = typer.Typer(no_args_is_help=True)

InRegistry = Annotated[str, typer.Option("--registry", help="Which registry.")]
Name = Annotated[str, typer.Argument(help="NAME, or NAME/VERSION; the newest version where none is named.")]


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
    version = register_run(found, name, backend, registry_of(registry_name, here.catalog, here.home), tags)
    print_json(_brief(version)) if as_json else print(f"{version.name}/{version.version}")


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
        for told in map(_brief, versions):
            if as_json:
                print_json(told)
            accuracy = told["val_accuracy"]
            shown = f"{accuracy:.4f}" if isinstance(accuracy, float) else ""
            rows.append([told[key] for key in ("name", "version", "run", "created")] + [shown])
    if not as_json:
        print_table(["name", "version", "run", "created", "val accuracy"], rows)


@app.command()
def show(name: Name, registry_name: InRegistry = "local", as_json: AsJson = False) -> None:
    """A version's card: classes, transforms, metrics, hashes, and the run it came from."""
    import json

    from fledge.cli.printing import print_json

    version = _find(_registry(registry_name), name)
    told = _brief(version) | {"files": dict(version.files), "card": dict(version.card)}
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

    registry = _registry(registry_name)
    version = _find(registry, name)
    for path in registry.fetch(version.name, version.version, output):
        print_json({"path": str(path)}) if as_json else print(path)


def _registry(name: str) -> "Registry":
    from fledge.cli.context import context
    from fledge.registration import registry_of

    here = context()
    return registry_of(name, here.catalog, here.home)


def _find(registry: "Registry", text: str) -> "ModelVersion":
    from fledge.errors import UnknownName

    name, slash, number = text.partition("/")
    versions = registry.versions(name)
    if not versions:
        raise UnknownName("model", name, registry.names(), hint=None if registry.names() else "none is registered yet")
    if not slash:
        return versions[-1]
    for version in versions:
        if str(version.version) == number:
            return version
    raise UnknownName("version", text, [f"{name}/{version.version}" for version in versions])


def _brief(version: "ModelVersion") -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "run": version.run,
        "created": version.created,
        "classes": version.card.get("classes"),
        "val_accuracy": version.card.get("metrics", {}).get("val_accuracy"),
        "weights_sha256": version.card.get("weights_sha256"),
        "tags": dict(version.tags),
    }
