"""The pictures of a request, within its limits."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

from fastapi import HTTPException, Request
from PIL import Image
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from fledge.data.examination import problem_with
from fledge.data.quiet import quiet_pillow
from fledge.inference.classifier import Classifier
from fledge.serving.batcher import Pixels
from fledge.serving.limits import Limits

_RAW = ("image/", "application/octet-stream")
_FORM = "multipart/form-data"


class TooManyPixels(Exception):  # noqa: N818 -- says what it is
    """A picture that is small to send and large to decode."""


async def pictures(request: Request, limits: Limits) -> list[tuple[str, bytes]]:
    """(name, content) of each. Raises HTTPException 413, 415 or 422."""
    kind = request.headers.get("content-type", "").lower()
    if kind.startswith(_FORM):
        found = await _of_form(request, await _body(request, limits))
    elif kind.startswith(_RAW):
        found = [("picture", await _body(request, limits))]
    else:
        raise HTTPException(415, f"send a picture as image/* or application/octet-stream, or several as {_FORM}")
    if not found:
        raise HTTPException(422, "the form holds no file")
    if len(found) > limits.pictures:
        raise HTTPException(413, f"{len(found)} pictures at once; {limits.pictures} may be")
    return found


def seen(classifier: Classifier, content: bytes, limits: Limits) -> Pixels:
    """Decoded and prepared. Raises TooManyPixels before anything of that size is in memory, ValueError saying what
    is wrong with a broken one."""
    try:
        with quiet_pillow(), Image.open(io.BytesIO(content)) as image:
            pixels = image.width * image.height
        if pixels > limits.pixels:
            raise TooManyPixels(f"has {pixels:,} pixels; {limits.pixels:,} may be")
        return classifier.see(io.BytesIO(content))
    except TooManyPixels:
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels(f"has more than {limits.pixels:,} pixels") from None
    except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
        raise ValueError(problem_with(error) if content else "is empty (zero bytes)") from None


def size_of(request: Request, limits: Limits) -> int:
    """How many bytes its body may come to. Raises HTTPException 413."""
    # Of a body in chunks only they tell.
    told = "" if "transfer-encoding" in request.headers else request.headers.get("content-length", "")
    size = int(told) if told.isdigit() else limits.body
    if size > limits.body:
        raise _too_large(limits)
    return size


async def _body(request: Request, limits: Limits) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body:
                    raise _too_large(limits)
    except TimeoutError:
        raise HTTPException(408, f"the request has not arrived within {limits.seconds:g} seconds") from None
    except ClientDisconnect:
        raise HTTPException(400, "the request ended before it was whole") from None
    return bytes(body)


def _too_large(limits: Limits) -> HTTPException:
    return HTTPException(413, f"the request is larger than {limits.body:,} bytes")


async def _of_form(request: Request, body: bytes) -> list[tuple[str, bytes]]:
    async def whole() -> AsyncIterator[bytes]:
        yield body

    stream: Any = whole()
    try:
        form = await MultiPartParser(request.headers, stream).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise HTTPException(422, f"the form cannot be read: {getattr(error, 'message', error)}") from None
    files = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
    try:
        return [(one.filename or f"picture {at}", await one.read()) for at, one in enumerate(files, 1)]
    finally:
        await form.close()
