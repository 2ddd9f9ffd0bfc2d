"""Room: how much may be held at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException


class Room:
    def __init__(self, size: int) -> None:
        self._size = size
        self.used = 0

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Within, so much of it is used. Raises HTTPException 429 where there is not so much left."""
        if self.used + amount > self._size:
            raise HTTPException(429, "too much is waiting already", headers={"Retry-After": "1"})
        self.used += amount
        try:
            yield
        finally:
            self.used -= amount
