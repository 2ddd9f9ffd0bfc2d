"""Scoring: what `fledge serve` answers, for servers that have the HTTP part for themselves."""

import asyncio
import base64
import json
import threading
from pathlib import Path
from typing import Any

import httpx

from fledge.discovery.discover import discover
from fledge.inference.classifier import Classifier
from fledge.serving.app import make_app
from fledge.serving.limits import Limits

_JSON = "application/json"
_SECONDS = 120.0
# Of pictures in base64, with room for what JSON has around them.
_BASE64 = 1.5


class Scoring:
    """The application of `fledge serve` itself, asked without a socket; by many threads at once, if need be."""

    def __init__(self, file: Path) -> None:
        """Opens the exported file, and tries it out. Raises DataError for one that cannot answer."""
        classifier = Classifier.open(file, discover())
        classifier.try_out()
        self._limits = Limits()
        self._app = make_app(classifier, token=None, limits=self._limits, loopback=False)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def __call__(self, kind: str, body: bytes) -> tuple[int, bytes]:
        """(status, JSON) of POST /predict.

        kind: the body's content type; besides what fledge serve takes, application/json: {"pictures": [BASE64, ...]}.
        """
        told: dict[str, Any] = {"content": body, "headers": {"content-type": kind.encode("latin-1", "replace")}}
        if kind.partition(";")[0].strip().lower() == _JSON:
            if len(body) > self._limits.body * _BASE64:
                return 413, _detail(f"more than {self._limits.body} bytes of pictures")
            try:
                told = {"files": [("file", one) for one in _pictures(body)]}
            except ValueError as error:
                return 422, _detail(str(error))
        asked = asyncio.run_coroutine_threadsafe(self._ask(told), self._loop)
        try:
            answer = asked.result(_SECONDS)
        except TimeoutError:
            asked.cancel()
            return 503, _detail(f"no answer within {_SECONDS:g} seconds")
        return answer.status_code, answer.content

    async def _ask(self, told: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://scoring", timeout=_SECONDS) as client:
            return await client.post("/predict", **told)


def _detail(words: str) -> bytes:
    return json.dumps({"detail": words}).encode()


def _pictures(body: bytes) -> list[tuple[str, bytes]]:
    try:
        found = json.loads(body)["pictures"]
        if not isinstance(found, list) or not found:
            raise TypeError
        return [(f"pictures[{at}]", base64.b64decode(one, validate=True)) for at, one in enumerate(found)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError('the JSON of a request is {"pictures": ["a picture, in base64", ...]}') from None
