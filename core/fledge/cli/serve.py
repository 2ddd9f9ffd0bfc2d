"""`fledge serve`: an exported model behind HTTP."""

from typing import Annotated

import typer


def serve(
    model: Annotated[str, typer.Argument(help="An exported file; a model, as NAME, NAME/VERSION or NAME@ALIAS; or a "
                                         "run that exported one.")],
    host: Annotated[str, typer.Option(help="The address to listen at; one that others can reach needs a token.")]
    = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    token: Annotated[str | None, typer.Option(envvar="FLEDGE_TOKEN", help="What those who ask must present: "
                                              "Authorization: Bearer TOKEN.")] = None,
    registry_name: Annotated[str, typer.Option("--registry", help="Which registry.")] = "local",
) -> None:  # fmt: skip
    """Answer over HTTP what is on pictures: POST /predict, a page to try it at /, its description at /docs."""
    import sys

    from fledge.cli.context import context
    from fledge.errors import UsageError
    from fledge.inference.classifier import Classifier
    from fledge.inference.locate import locate
    from fledge.registration import registry_of
    from fledge.runs.places import cache

    try:
        from fledge.serving.app import make_app
        from fledge.serving.limits import Limits
        from fledge.serving.serve import listening
        from fledge.serving.serve import serve as run
    except ModuleNotFoundError as error:
        raise UsageError(f"serving needs {error.name}", hint="pip install 'fledge[serve]'") from None

    if token == "":
        raise UsageError("the token is empty")
    here = context()
    at = listening(host, port, token=token)
    path = locate(model, registry_of(registry_name, here.catalog, here.home), here.home, cache())
    app = make_app(Classifier.open(path, here.catalog), token=token, limits=Limits())
    name, number = f"[{host}]" if ":" in host else host, at.getsockname()[1]
    run(app, at, lambda: print(f"{path.name} answers at http://{name}:{number}", file=sys.stderr, flush=True))
