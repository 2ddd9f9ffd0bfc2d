"""Calls and their answers, and which function answers which call."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Call:
    """One HTTP request, whole. `host` is the one that the client believes it talks to."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Of a form, what its one file has. Raises ValueError."""
        kind = self.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            return json.loads(self.body or b"null")
        form = BytesParser(EmailMessage, policy=default).parsebytes(
            f"Content-Type: {kind}\r\n\r\n".encode() + self.body
        )
        (part,) = form.iter_parts()
        return json.loads(part.get_content())

    @property
    def url(self) -> str:
        """Without the query."""
        return f"https://{self.host}{quote(self.path)}"


@dataclass(frozen=True)
class Answer:
    """body is JSON, or bytes as they are."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


def refusal(status: int, code: str, message: str) -> Answer:
    """An error as the control plane words it."""
    return Answer({"error": {"code": code, "message": message}}, status)


Route = Callable[..., Answer]


class Routes:
    """Which function answers: by method, and a path whose `{name}` parts become keyword arguments.

    `{name:path}` is as many parts as there are, `{ws}` is how every path names a workspace. Case does not matter.
    """

    _WORKSPACE = (
        "/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
        "/providers/Microsoft.MachineLearningServices/workspaces/(?P<workspace>[^/]+)"
    )

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []

    def on(self, method: str, path: str) -> Callable[[Route], Route]:
        pattern = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", path)
        pattern = pattern.replace("{ws}", self._WORKSPACE)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

        def keep(route: Route) -> Route:
            self._routes.append((method, re.compile(pattern, re.IGNORECASE), route))
            return route

        return keep

    def find(self, call: Call) -> tuple[Route, dict[str, str]] | None:
        for method, pattern, route in self._routes:
            found = pattern.fullmatch(call.path) if method == call.method else None
            if found:
                return route, found.groupdict()
        return None
