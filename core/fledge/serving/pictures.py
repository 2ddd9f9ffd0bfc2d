"""The pictures of a request."""

import io

from fastapi import HTTPException, Request

from fledge.serving.arrivals import Arrival, Arrivals
from fledge.serving.form import Form, Picture
from fledge.serving.limits import Limits

_RAW = ("image/", "application/octet-stream")
_FORM = "multipart/form-data"


async def pictures(request: Request, arrivals: Arrivals, arrival: Arrival, limits: Limits) -> list[Picture]:
    """(name, content) of each. Raises HTTPException 400, 408, 413, 415, 422 or 429."""
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith(_FORM):
        form = Form(kind, limits)
        await arrivals.receive(request, arrival, form.write)
        found = form.finish()
    elif kind.lower().startswith(_RAW):
        content = io.BytesIO()
        await arrivals.receive(request, arrival, content.write)
        found = [("picture", content)]
    else:
        raise HTTPException(415, f"send a picture as image/* or application/octet-stream, or several as {_FORM}")
    if not found:
        raise HTTPException(422, "the form holds no file")
    return found
