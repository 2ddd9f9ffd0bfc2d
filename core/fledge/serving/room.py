"""Room: how much may be held at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException


class Room:
    def __init__(self, size: int) -> None:
        self._size = size
        self.used = 0

    def has(self, amount: int) -> bool:
        return self.used + amount <= self._size

    def take(self, amount: int) -> None:
        """Raises HTTPException 429 where there is not so much left."""
        if not self.has(amount):
            raise HTTPException(429, "too much is waiting already", headers={"Retry-After": "1"})
        self.used += amount

    def give_back(self, amount: int) -> None:
        self.used -= amount

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Within, so much of it is used. Raises what `take` raises."""
        self.take(amount)
        try:
            yield
        finally:
            self.give_back(amount)
