"""Loopback: addresses that only this machine reaches, and requests that were meant for one."""

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class LoopbackOnly:
    """Refuses (400) requests whose Host header is another's name.

    A web page may have its own name resolve to 127.0.0.1, and its script then passes for this server's own ("DNS
    rebinding"); the browser still says which name it asked for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told = Headers(scope=scope).get("host", "")
            if not is_loopback(_without_port(told)):
                detail = f"this server is for its own machine, as localhost or 127.0.0.1, and not as {told!r}"
                await JSONResponse({"detail": detail}, 400)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _without_port(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
