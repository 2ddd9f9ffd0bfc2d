"""`fledge predict`: labels for pictures, by an exported model."""

from pathlib import Path
from typing import Annotated

import typer

from fledge.cli.words import AsJson


def predict(
    model: Annotated[str, typer.Argument(help="An exported file; a model, as NAME, NAME/VERSION or NAME@ALIAS; or a "
                                         "run that exported one.")],
    paths: Annotated[list[str], typer.Argument(metavar="PATH...|-", help="Files, folders, patterns; - is standard "
                                               "input: a picture, or names line by line.")],
    top: Annotated[int, typer.Option("--top", min=1, help="How many classes to tell of each.")] = 1,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="How many pictures the model sees at once.")] = 32,
    registry_name: Annotated[str, typer.Option("--registry", help="Which registry.")] = "local",
    as_json: AsJson = False,
) -> int:  # fmt: skip
    """Say what is on pictures. One that is broken is told of and passed over; the exit status is then 1."""
    import sys

    from fledge.importing import importing

    with importing():
        from fledge.cli.context import context
        from fledge.cli.meter import Meter
        from fledge.cli.printing import print_json, visible
        from fledge.inference.exported import opening

        here = context()
        path = Path(model)
        if not path.is_file():
            # A file answers by itself; with registries and runs comes as much again to import.
            from fledge.inference.locate import locate
            from fledge.registration import registry_of
            from fledge.runs.places import cache

            path = locate(model, registry_of(registry_name, here.catalog, here.home), here.home, cache())
        opened = opening(path, here.catalog)
        from fledge.inference.classifier import Classifier
        from fledge.inference.prediction import predict as predicted
        from fledge.inference.sources import STANDARD_INPUT, sources
    classifier = Classifier.of(path, opened.result())
    seen = broken = 0
    with Meter() as meter:
        if STANDARD_INPUT in paths and sys.stdin is not None and sys.stdin.isatty():
            meter.say("type the pictures' names, one a line; Ctrl-D ends them")
        for one in predicted(classifier, sources(paths), batch=batch, top=top):
            seen += 1
            broken += one.trouble is not None
            if as_json:
                print_json(one.to_dict())
            elif one.trouble is not None:
                meter.say(f"error: {visible(one.name)} {one.trouble}")
            else:
                print("\t".join([visible(one.name), *(f"{name} {share:.1%}" for name, share in one.top)]))
            if not sys.stdout.isatty():
                meter.progress("predicting", seen, None, "pictures")
    if broken:
        print(f"{broken} of {seen} could not be read", file=sys.stderr)
    return int(bool(broken))
