"""Impatient: connections with those who may never say what they want."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's protocol, but a connection ends whose other side owes it something for so long: the whole head of its
    next request, or to take an answer. Bodies have their time from Arrivals, which can tell so."""

    class Impatient(H11Protocol):
        _end: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._wait_no_more()
            super().connection_lost(exc)

        def handle_events(self) -> None:
            super().handle_events()
            self._settle()

        def on_response_complete(self) -> None:
            self._wait()
            super().on_response_complete()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._wait()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._settle()

        def _settle(self) -> None:
            """Where it is this side's turn."""
            if self.cycle is not None and not self.cycle.response_complete and not self.flow.write_paused:
                self._wait_no_more()

        def _wait(self) -> None:
            self._wait_no_more()
            # Not `close`, which would first wait for an answer to be taken.
            self._end = self.loop.call_later(seconds, self.transport.abort)

        def _wait_no_more(self) -> None:
            if self._end is not None:
                self._end.cancel()

    return Impatient
