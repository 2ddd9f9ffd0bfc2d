"""Trouble: calls that the server answers badly on purpose, as the real service does on a bad day."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any

from loopback.wire import Answer, Call


@dataclass
class Rule:
    """The next `times` calls whose "METHOD host/path" matches, after the first `skip`, are answered with `status`.

    every: only every so many of them, the others well.
    drop: cut the connection instead; a call is not looked at then, or (`late`) has had its effect before.
    silent: of CONNECT: never answer, and leave the connection as it is.
    """

    match: str
    times: int = 1
    skip: int = 0
    every: int = 1
    status: int = 503
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    late: bool = False
    silent: bool = False


class Trouble:
    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def met(self, method: str, place: str) -> Rule | None:
        """The rule that this call falls under, which is then used up once more."""
        with self._lock:
            for rule in self._rules:
                if rule.times > 0 and re.search(rule.match, f"{method} {place}", re.IGNORECASE):
                    if rule.skip:
                        rule.skip -= 1
                        continue
                    rule.skip = rule.every - 1
                    rule.times -= 1
                    return rule
        return None


def answer(rule: Rule, call: Call) -> Answer:
    body = rule.body or {"error": {"code": "Trouble", "message": f"{call.method} {call.path} meets with trouble"}}
    return Answer(body, rule.status, rule.headers)
