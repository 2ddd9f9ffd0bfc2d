"""The web application."""

import hmac
import json
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from fledge.inference.classifier import Classifier
from fledge.serving.answers import Answer, Health, Metadata, Refusal
from fledge.serving.labelling import Labelling
from fledge.serving.limits import Limits
from fledge.serving.loopback import LoopbackOnly

_PAGE = Path(__file__).with_name("page.html")
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "the request broke off"},
    401: {"model": Refusal, "description": "no token, or another"},
    408: {"model": Refusal, "description": "the request did not arrive in time, or others needed its room meanwhile"},
    413: {"model": Refusal, "description": "too large: the request, a picture, or the number of pictures"},
    415: {"model": Refusal, "description": "neither a picture nor a form"},
    422: {"model": Answer, "description": "a picture is broken; those that are not have their answer"},
    429: {"model": Refusal, "description": "too much is waiting: try again in a second"},
    503: {
        "model": Refusal,
        "description": "the server was stopped before there was an answer, or too many are connected: try again",
    },
}
_BEARER = HTTPBearer(auto_error=False)
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILES}}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def make_app(classifier: Classifier, *, token: str | None, limits: Limits, loopback: bool) -> FastAPI:
    """`token`: what whoever asks must present as `Authorization: Bearer TOKEN`, except for what is the same of every
    server (the page and /openapi.json) and for /health. `loopback`: whether it is for its own machine alone."""
    labelling, known = Labelling(classifier, limits), Depends(_knows(token))
    # Without the pages that FastAPI makes of the description: they load scripts from elsewhere.
    app = FastAPI(title="fledge serve", version=version("fledge"), docs_url=None, redoc_url=None)
    if loopback:
        app.add_middleware(LoopbackOnly)

    @app.post("/predict", dependencies=[known], responses=_REFUSALS, openapi_extra=_BODY)
    async def predict(request: Request, response: Response) -> Answer:
        """Labels for one picture, or for many."""
        predictions = await labelling(request)
        if any(one.error for one in predictions):
            response.status_code = 422
        return Answer(predictions=predictions)

    @app.head("/health", include_in_schema=False)
    @app.get("/health")
    async def health() -> Health:
        """Whether it is there."""
        return labelling.health()

    @app.get("/metadata", dependencies=[known], responses={401: _REFUSALS[401]})
    async def metadata() -> Metadata:
        """Which model this is: its classes, its preparation of pictures, and where it comes from."""
        told = {key: _value(value) for key, value in classifier.metadata.items()}
        return Metadata(file=classifier.path.name, classes=list(classifier.classes), metadata=told)

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(
            _PAGE.read_text(),
            headers={"Content-Security-Policy": "default-src 'self' 'unsafe-inline'; img-src blob: data:"},
        )

    return app


def _knows(token: str | None) -> Callable[..., Awaitable[None]]:
    """What lets nobody through who does not present it; with None, everybody."""

    async def known(presented: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> None:
        told = presented.credentials if presented else ""
        # In a time that tells nothing of how much of it was right.
        if token is not None and not hmac.compare_digest(told.encode("latin-1"), token.encode()):
            raise HTTPException(401, "this needs a token", headers={"WWW-Authenticate": "Bearer"})

    return known


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
