"""Abreast: work that waits for others, many pieces at a time, which can be walked away from."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

_Piece = TypeVar("_Piece")


def abreast(do: Callable[[_Piece], None], pieces: Iterable[_Piece], at_once: int) -> Iterator[_Piece]:
    """Each piece once it is done, in no order. What `do` raises is raised; then, and where whoever iterates goes away
    or is interrupted, no further piece is begun, and nobody waits for those that are: they end with the process.

    An executor's threads would be waited for at the process's end, which for an upload may be minutes away.
    """
    waiting, done = SimpleQueue[_Piece](), SimpleQueue[tuple[_Piece, BaseException | None]]()
    given_up = threading.Event()

    def work() -> None:
        while not given_up.is_set():
            try:
                piece = waiting.get_nowait()
            except Empty:
                return
            try:
                do(piece)
            except BaseException as error:  # noqa: BLE001 -- the one who iterates is to hear of it
                given_up.set()
                done.put((piece, error))
            else:
                done.put((piece, None))

    count = 0
    for piece in pieces:
        waiting.put(piece)
        count += 1
    try:
        for _ in range(min(at_once, count)):
            threading.Thread(target=work, daemon=True).start()
        for _ in range(count):
            piece, error = done.get()
            if error:
                raise error
            yield piece
    finally:
        given_up.set()
