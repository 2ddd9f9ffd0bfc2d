"""The web application."""

import asyncio
import contextlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from fledge.inference.classifier import Classifier
from fledge.serving.answers import Answer, Health, Label, Metadata, PictureAnswer, Refusal
from fledge.serving.batcher import Batcher
from fledge.serving.limits import Limits
from fledge.serving.pictures import TooManyPixels, pictures, seen, size_of
from fledge.serving.room import Room

_PAGE = Path(__file__).with_name("page.html")
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "no token, or another"},
    408: {"model": Refusal, "description": "the request did not arrive in time"},
    413: {"model": Refusal, "description": "too large: the request, a picture's pixels, or the number of pictures"},
    415: {"model": Refusal, "description": "neither a picture nor a form"},
    422: {"model": Answer, "description": "a picture is broken; those that are not have their answer"},
    429: {"model": Refusal, "description": "too many pictures are waiting: try again in a second"},
}
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


def make_app(classifier: Classifier, *, token: str | None, limits: Limits) -> FastAPI:
    """`token`: what whoever asks must present as `Authorization: Bearer TOKEN`, except for the page and /health."""
    batcher = Batcher(classifier)
    decoders = ThreadPoolExecutor(os.cpu_count())
    waiting, memory = Room(limits.waiting), Room(limits.memory)

    @contextlib.asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        working = asyncio.create_task(batcher.run())
        yield
        working.cancel()

    bearer = HTTPBearer(auto_error=False)

    async def known(presented: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        told = presented.credentials if presented else ""
        # In a time that tells nothing of how much of it was right.
        if token is not None and not hmac.compare_digest(told.encode("latin-1"), token.encode()):
            raise HTTPException(401, "this needs a token", headers={"WWW-Authenticate": "Bearer"})

    async def answer(name: str, content: bytes) -> PictureAnswer:
        loop = asyncio.get_running_loop()
        try:
            pixels = await loop.run_in_executor(decoders, seen, classifier, content, limits)
        except ValueError as error:
            return PictureAnswer(name=name, error=f"{name} {error}")
        except TooManyPixels as error:
            raise HTTPException(413, f"{name} {error}") from None
        shares = classifier.top(await batcher(pixels), len(classifier.classes))
        top = [Label(label=label, probability=share) for label, share in shares]
        return PictureAnswer(name=name, label=top[0].label, probability=top[0].probability, top=top)

    app = FastAPI(title=f"fledge: {classifier.path.name}", lifespan=living)

    @app.post("/predict", dependencies=[Depends(known)], responses=_REFUSALS, openapi_extra=_BODY)
    async def predict(request: Request, response: Response) -> Answer:
        """Labels for one picture, or for many."""
        with memory.taken(size_of(request, limits)):
            found = await pictures(request, limits)
            with waiting.taken(len(found)):
                # All, before their room is given back: one that is refused does not end the others.
                told = await asyncio.gather(*(answer(*one) for one in found), return_exceptions=True)
        predictions = []
        for one in told:
            if isinstance(one, BaseException):
                raise one
            predictions.append(one)
        if any(one.error for one in predictions):
            response.status_code = 422
        return Answer(predictions=predictions)

    @app.get("/health")
    async def health() -> Health:
        """Whether it is there."""
        return Health(status="ok", waiting=waiting.used)

    @app.get("/metadata", dependencies=[Depends(known)], responses={401: _REFUSALS[401]})
    async def metadata() -> Metadata:
        """Which model this is: its classes, its preparation of pictures, and where it comes from."""
        told = {key: _value(value) for key, value in classifier.metadata.items()}
        return Metadata(file=classifier.path.name, classes=list(classifier.classes), metadata=told)

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(
            _PAGE.read_text(),
            headers={"Content-Security-Policy": "default-src 'self' 'unsafe-inline'; img-src blob: data:"},
        )

    return app


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
