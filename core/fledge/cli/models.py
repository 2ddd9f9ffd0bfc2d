"""`fledge models`: register, list, show, download, promote."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fledge.errors import RegistryError
    from fledge.interfaces.registry import ModelVersion, Registry

app = typer.Typer(no_args_is_help=True)

InRegistry = Annotated[str, typer.Option("--registry", help="Which registry.")]
Name = Annotated[str, typer.Argument(help="NAME, NAME/VERSION or NAME@ALIAS; the newest version where none is named.")]


@app.command()
def register(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE",
            help="A run's id, the beginning of one, or 'latest'; or a file that was exported of a version.",
        ),
    ],
    name: Annotated[str, typer.Option("--name", "-n", help="The model's name.")],
    registry_name: InRegistry = "local",
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="May be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a run's best model as the next version of a name; or a version's, with what was exported of it since."""
    import sys

    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.errors import UnknownName, UsageError
    from fledge.registration import register_export, register_run, registry_of

    tags = dict(text.partition("=")[::2] for text in tag or ())
    if not all(tags.values()):
        raise UsageError("a --tag is of the form KEY=VALUE")
    here = context()
    registry = registry_of(registry_name, here.catalog, here.home)

    def warn(line: str) -> None:
        print(f"warning: {line}", file=sys.stderr)

    if Path(run).is_file():
        version = register_export(Path(run), name, registry, tags, warn)
    else:
        try:
            found, backend = here.run(run)
        except UnknownName:
            if not Path(run).suffix:
                raise
            raise UsageError(f"there is no file {run}", hint="fledge export RUN or MODEL writes one") from None
        version = register_run(found, name, backend, registry, tags, warn)
    print_json(_brief(version, _aliases(name, registry))) if as_json else print(f"{version.name}/{version.version}")


@app.command("list")
def list_(registry_name: InRegistry = "local", as_json: AsJson = False) -> None:
    """Every version of every model."""
    import sys

    from fledge.cli.printing import print_json, print_table

    registry = _registry(registry_name)
    rows = []
    for name in registry.names():
        aliases = _aliases(name, registry)
        versions = [_brief(version, aliases) for version in registry.versions(name)]
        broken = [_brief_of_damaged(name, number, error, aliases) for number, error in registry.damaged(name).items()]
        for told in sorted(versions + broken, key=lambda one: int(one["version"])):
            if as_json:
                print_json(told)
            if told["damaged"]:
                print(f"warning: {told['damaged']}", file=sys.stderr)
            accuracy = told["val_accuracy"]
            shown = f"{accuracy:.4f}" if isinstance(accuracy, float) else ""
            cells = [told["name"], told["version"], "(damaged)" if told["damaged"] else told["run"], told["created"]]
            rows.append([*cells, shown, " ".join(told["aliases"])])
    if not as_json:
        print_table(["name", "version", "run", "created", "val accuracy", "aliases"], rows)


@app.command()
def show(name: Name, registry_name: InRegistry = "local", as_json: AsJson = False) -> None:
    """A version's card: classes, transforms, metrics, hashes, and the run it came from, with its code and packages."""
    import json

    from fledge.cli.printing import print_json
    from fledge.versions import find_version

    registry = _registry(registry_name)
    version = find_version(registry, name)
    told = _brief(version, _aliases(version.name, registry)) | {"files": dict(version.files)}
    if as_json:
        print_json(told | {"card": dict(version.card)})
    else:
        print(json.dumps(told | {"card": _shortened(version.card)}, indent=2))


@app.command()
def download(
    name: Name,
    registry_name: InRegistry = "local",
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to copy it into.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Copy a version's files out, checking every hash."""
    from fledge.cli.printing import print_json
    from fledge.digest import file_sha256
    from fledge.errors import RegistryError, UsageError
    from fledge.versions import find_version

    registry = _registry(registry_name)
    version = find_version(registry, name)
    for file, digest in version.files.items():
        there = output / file
        if there.is_file() and file_sha256(there) != digest:
            raise UsageError(f"{there} is there already, and is another file", hint="another folder: --output DIR")
    try:
        paths = registry.fetch(version.name, version.version, output)
    except OSError as error:
        raise RegistryError(
            f"{version.name}/{version.version} cannot be copied into {output}: {error.strerror or error}",
            hint="make room there, or name another folder: --output DIR",
        ) from None
    for path in paths:
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
    """Have an alias mean a version, once an exported file of it is proved to answer as the model does."""
    import sys

    from fledge.cli.printing import print_json
    from fledge.versions import find_version
    from fledge.versions import promote as give

    registry = _registry(registry_name)
    version = find_version(registry, name if version_number is None else f"{name}/{version_number}")
    for file, faults in give(registry, version, alias).items():
        print(f"warning: its {file} does not answer as the model does: {'; '.join(faults)}", file=sys.stderr)
    told = {"name": version.name, "version": version.version, "alias": alias}
    print_json(told) if as_json else print(f"{version.name}@{alias} is {version.name}/{version.version}")


def _registry(name: str) -> "Registry":
    from fledge.cli.context import context
    from fledge.registration import registry_of

    here = context()
    return registry_of(name, here.catalog, here.home)


def _aliases(name: str, registry: "Registry") -> "Mapping[str, int]":
    import sys

    from fledge.errors import RegistryError

    try:
        return registry.aliases(name)
    except RegistryError as error:
        # The versions are as good as before.
        print(f"warning: {error}", file=sys.stderr)
        return {}


def _brief(version: "ModelVersion", aliases: "Mapping[str, int]") -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "run": version.run,
        "created": version.created,
        "classes": version.card.get("classes"),
        "val_accuracy": version.card.get("metrics", {}).get("val_accuracy"),
        "weights_sha256": version.card.get("weights_sha256"),
        "tags": dict(version.tags),
        "aliases": sorted(alias for alias, number in aliases.items() if number == version.version),
        "damaged": None,
    }


def _shortened(card: "Mapping[str, Any]") -> dict[str, Any]:
    """Without lists that are longer than all the rest."""
    import json

    told = json.loads(json.dumps(card))
    for section, key in (("code", "files"), ("lineage", "packages")):
        if isinstance(many := (told.get(section) or {}).get(key), dict):
            told[section][key] = f"{len(many)}: --json names them"
    return dict(told)


def _brief_of_damaged(name: str, number: int, error: "RegistryError", aliases: "Mapping[str, int]") -> dict[str, Any]:
    nothing = dict.fromkeys(("run", "created", "classes", "val_accuracy", "weights_sha256"))
    named = sorted(alias for alias, meant in aliases.items() if meant == number)
    return {"name": name, "version": number, **nothing, "tags": {}, "aliases": named, "damaged": str(error)}
