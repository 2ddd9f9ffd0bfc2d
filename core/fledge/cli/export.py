"""`fledge export`: a trained model as a file that answers without PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.exporting.chosen import Fetch
    from fledge.interfaces.exporter import Exporter


def export(
    model: Annotated[str, typer.Argument(help="A run (its id, the beginning of one, or 'latest'), or a model: NAME, "
                                         "NAME/VERSION or NAME@ALIAS.")],
    form: Annotated[str, typer.Option("--format", help="An exporter's name, which is the file's ending.")] = "onnx",
    precision: Annotated[str | None, typer.Option(help="The file's number format, as far as its exporter knows it: "
                                                  "fp32, fp16 or int8.")] = None,
    opset: Annotated[int | None, typer.Option(help="The version of ONNX's operators.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file; otherwise a run's goes to its outputs, and a model's into "
                     "this folder: fledge models register puts either into the registry."),
    ] = None,
    registry_name: Annotated[str, typer.Option("--registry", help="Which registry.")] = "local",
    as_json: AsJson = False,
) -> int:  # fmt: skip
    """Write a model as a file, and prove on the validation split that it answers as the trained network does."""
    import sys

    from fledge.certificate import ENDING
    from fledge.cli.context import context
    from fledge.cli.meter import Meter
    from fledge.cli.printing import print_json
    from fledge.errors import UsageError
    from fledge.exports import exported_name
    from fledge.importing import importing

    here = context()
    exporter = _exporter(form, {"precision": precision, "opset": opset}, here)
    if output and not output.is_dir() and output.suffix != f".{form}":
        raise UsageError(
            f"{output}: a file of the format {form} is known by its ending", hint=f"--output {output}.{form}"
        )
    fetch, path = _found(model, registry_name, exported_name(form, exporter.precision), here)
    path = output or path
    with importing():
        from fledge.exporting.chosen import export_fetched

    with Meter() as meter:
        certificate = export_fetched(fetch, exporter, path, here.catalog, meter.progress, meter.warn)
    faults = certificate.faults()
    if as_json:
        print_json({"path": str(path), "certificate": f"{path}{ENDING}", **certificate.to_dict()})
    else:
        print(path)
        print(certificate.summary(), file=sys.stderr)
    for fault in faults:
        print(f"error: {path.name} is not to be relied on: {fault}", file=sys.stderr)
    return int(bool(faults))


def _exporter(form: str, options: Mapping[str, object], here: "Context") -> "Exporter":
    """options: None where the command line has none. Raises UsageError."""
    from fledge.errors import SpecError, UsageError
    from fledge.interfaces.exporter import Exporter

    told = {key: value for key, value in options.items() if value is not None}
    try:
        exporter = here.catalog.make("extension", form, told)
    except SpecError as error:
        # No spec's: its options stand on the command line.
        raise UsageError(error.message, hint=f"fledge plugins show {form} tells what each option may be") from None
    if not isinstance(exporter, Exporter):
        raise UsageError(f"the extension {form!r} exports nothing", hint="fledge plugins list shows what there is")
    return exporter


def _found(model: str, registry_name: str, file: str, here: "Context") -> "tuple[Fetch, Path]":
    """What fetches the model, registered or a run's; and where a file of that name of it goes where nobody says.

    Raises UnknownName where there is neither.
    """
    from functools import partial

    from fledge.errors import UnknownName
    from fledge.registration import fetch_best, fetch_version, registry_of
    from fledge.versions import find_version

    registry = registry_of(registry_name, here.catalog, here.home)
    try:
        version = find_version(registry, model)
    except UnknownName as unknown:
        try:
            run, backend = here.run(model)
        except UnknownName:
            raise UnknownName("run or registered model", model, registry.names(), hint=unknown.hint) from None
        return partial(fetch_best, run, backend), run.outputs / file
    return partial(fetch_version, version, registry), Path(
        file.replace("model", f"{version.name}-{version.version}", 1)
    )
