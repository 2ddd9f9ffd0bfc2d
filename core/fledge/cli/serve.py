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
    """Answer over HTTP what is on pictures: POST /predict, a page to try it at /, its description at /openapi.json."""
    import os
    import sys

    from fledge.cli.context import context
    from fledge.errors import UsageError, install
    from fledge.inference.classifier import Classifier
    from fledge.inference.locate import locate
    from fledge.registration import registry_of
    from fledge.runs.places import cache

    try:
        from fledge.serving.app import make_app
        from fledge.serving.limits import Limits
        from fledge.serving.loopback import is_loopback
        from fledge.serving.serve import listening
        from fledge.serving.serve import serve as run
        from fledge.serving.token import checked
    except ModuleNotFoundError as error:
        raise UsageError(f"serving needs {error.name}", hint=install("serve")) from None

    # An empty variable is none to the parser, and was meant for one by whoever set it.
    token = os.environ.get("FLEDGE_TOKEN") if token is None else token
    if token is not None:
        token = checked(token)
    here = context()
    at = listening(host, port, token=token)
    path = locate(model, registry_of(registry_name, here.catalog, here.home), here.home, cache())
    classifier = Classifier.open(path, here.catalog)
    # Who asks a server should not be the first to learn that it cannot answer.
    classifier.try_out()
    limits = Limits()
    app = make_app(classifier, token=token, limits=limits, loopback=is_loopback(host))
    name, number = f"[{host}]" if ":" in host else host, at.getsockname()[1]
    told = f"{path.name} answers at http://{name}:{number}"
    run(app, at, limits, lambda: print(told, file=sys.stderr, flush=True))
