"""Arrivals: the bodies of requests, from their first byte to the answer, in bounded memory."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from fledge.serving.limits import Limits
from fledge.serving.room import Room


@dataclass(eq=False)
class Arrival:
    """One request: the bytes it holds; when it began (the loop's clock), and what ends its arriving."""

    began: float
    deadline: asyncio.Timeout
    held: int = 0
    gave_way: bool = False


class Arrivals:
    """Room is taken as bytes come, whatever was announced: who sends nothing keeps nobody out.

    Where there is none left, the request that has been arriving longest gives way, if it has had its time.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = Room(limits.memory)
        self._arriving: list[Arrival] = []

    @property
    def held(self) -> int:
        """Bytes."""
        return self._room.used

    @contextmanager
    def one(self) -> Iterator[Arrival]:
        """Within, a request's bytes are held."""
        arrival = Arrival(asyncio.get_running_loop().time(), asyncio.timeout(self._limits.seconds))
        try:
            yield arrival
        finally:
            self._room.give_back(arrival.held)

    async def receive(self, request: Request, arrival: Arrival, into: Callable[[bytes], object]) -> None:
        """Hands on the body as it comes, once. Raises HTTPException 400, 408, 413 or 429."""
        self._refuse_announced(request)
        size = 0
        self._arriving.append(arrival)
        try:
            async with arrival.deadline:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > self._limits.body:
                        raise self._too_large()
                    self._hold(arrival, len(chunk))
                    into(chunk)
        except TimeoutError:
            pass
        except ClientDisconnect:
            raise HTTPException(400, "the request ended before it was whole") from None
        finally:
            self._arriving.remove(arrival)
        if arrival.gave_way:
            raise HTTPException(408, "the request came slowly, and others needed its room: send it again")
        if arrival.deadline.expired():
            raise HTTPException(408, f"the request has not arrived within {self._limits.seconds:g} seconds")

    def _hold(self, arrival: Arrival, size: int) -> None:
        while not self._room.has(size) and self._made(arrival):
            pass
        self._room.take(size)
        arrival.held += size

    def _made(self, newcomer: Arrival) -> bool:
        """Whether another gave way."""
        now = asyncio.get_running_loop().time()
        # In the order in which they began.
        for one in self._arriving:
            if one is newcomer or now - one.began < self._limits.hurry:
                return False
            if one.held and not one.deadline.expired():
                one.gave_way = True
                # Its bytes are gone as soon as it is told, which is before long: nothing blocks the loop.
                one.deadline.reschedule(now)
                self._room.give_back(one.held)
                one.held = 0
                return True
        return False

    def _refuse_announced(self, request: Request) -> None:
        # Of a body in chunks only they tell.
        told = "" if "transfer-encoding" in request.headers else request.headers.get("content-length", "")
        if told.isdigit() and int(told) > self._limits.body:
            raise self._too_large()

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the request is larger than {self._limits.body:,} bytes")
