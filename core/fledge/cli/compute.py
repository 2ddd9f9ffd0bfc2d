"""`fledge compute`: the clusters that runs go to."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.discovery.catalog import Catalog
    from fledge.interfaces.clusters import ClusterInfo, Clusters
    from fledge.spec.run_spec import RunSpec

app = typer.Typer(no_args_is_help=True)

Spec = Annotated[Path | None, typer.Argument(help="A spec file (TOML), whose [backend] is meant.")]
Backend = Annotated[str | None, typer.Option(help="Whose clusters: backend.name.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec: backend.max_nodes=4.")
]


@app.command("list")
def list_(spec: Spec = None, backend: Backend = None, set_: Settings = None, as_json: AsJson = False) -> None:
    """Every cluster: the kind of its machines, how many there are, and how many of them are busy."""
    from fledge.cli.printing import print_json, print_table

    keeper, _ = _keeper(spec, backend, set_)
    found = keeper.clusters()
    if as_json:
        for one in found:
            print_json(vars(one))
        return
    print_table(["name", "size", "state", "nodes", "busy", "min", "max", "idle", "priority"], map(_cells, found))


@app.command()
def ensure(spec: Spec = None, backend: Backend = None, set_: Settings = None, as_json: AsJson = False) -> None:
    """Have the cluster of a spec: make it where it is missing, and bring its limits to what is told."""
    import sys

    from fledge.cli.printing import print_json

    keeper, wanted = _keeper(spec, backend, set_)
    one = keeper.ensure_cluster(wanted.launcher.nodes, lambda line: print(line, file=sys.stderr, flush=True))
    print_json(vars(one)) if as_json else print(
        f"{one.name} is there: {one.size}, {one.min_nodes} to {one.max_nodes} nodes, {one.priority}, "
        f"idle ones given back after {one.idle_seconds} s"
    )


@app.command()
def delete(
    name: Annotated[str, typer.Argument(help="The cluster.")],
    spec: Spec = None,
    backend: Backend = None,
    set_: Settings = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Even while it works: what runs there is lost.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a cluster back, with all its machines. Refused while any of them is busy."""
    from fledge.cli.printing import print_json
    from fledge.errors import RunError, UnknownName

    keeper, _ = _keeper(spec, backend, set_)
    found = keeper.clusters()
    # Services do not tell capitals from small letters here.
    one = next((one for one in found if one.name.lower() == name.lower()), None)
    if one is None:
        raise UnknownName("cluster", name, [one.name for one in found])
    if one.busy and not yes:
        raise RunError(
            f"{one.name} has {_count(one.busy, 'node')} at work",
            hint="what runs there would be lost: wait for it, or cancel it, or delete with --yes",
        )
    keeper.delete_cluster(one.name)
    print_json(vars(one)) if as_json else print(
        f"{one.name} is gone: {_count(one.nodes, 'node')} of {one.size} given back"
    )


def _keeper(path: Path | None, backend: str | None, settings: list[str] | None) -> "tuple[Clusters, RunSpec]":
    """The backend that the words mean, and the spec."""
    import sys

    from fledge.cli.context import context
    from fledge.errors import UsageError
    from fledge.interfaces.clusters import Clusters
    from fledge.spec.load import load, parse_assignment

    overrides: list[tuple[str, Any]] = [("backend.name", backend)] if backend is not None else []
    wanted = load(path, [*overrides, *(parse_assignment(text) for text in settings or ())])
    for note in wanted.notes:
        print(f"note: {note}", file=sys.stderr)
    here = context()
    chosen = wanted.backend
    kind = here.catalog.implementation("backend", chosen.name)
    if not issubclass(kind, Clusters):
        others = ", ".join(_those_with_clusters(here.catalog))
        hint = f"--backend NAME, of one that has: {others}" if others else "none of the installed backends has any"
        raise UsageError(f"backend {chosen.name!r} has no clusters", hint=hint)
    # Not a settled spec's, in which every option has been told: what nobody has told is left as it is.
    options = here.catalog.options(
        "backend", chosen.name, chosen.options, lambda option: wanted.base_of(f"backend.{option}")
    )
    made: Clusters = kind(options, here.home)
    return made, wanted


def _those_with_clusters(catalog: "Catalog") -> Iterator[str]:
    from fledge.errors import PluginError
    from fledge.interfaces.clusters import Clusters

    for name in dict.fromkeys(one.offer.name for one in catalog.offers("backend")):
        try:
            if issubclass(catalog.implementation("backend", name), Clusters):
                yield name
        except PluginError:
            # One that cannot be imported can have none.
            continue


def _cells(one: "ClusterInfo") -> list[object]:
    counts = [one.nodes, one.busy, one.min_nodes, one.max_nodes]
    return [one.name, one.size, one.state, *counts, f"{one.idle_seconds} s", one.priority]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
