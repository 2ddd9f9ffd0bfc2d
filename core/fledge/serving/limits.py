"""Limits: how much one who asks may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Of a request, of a picture, and of all that is held at once.

    body, pictures     bytes of a request, and how many pictures may be in it
    pixels             of a picture
    waiting            pictures held at once
    memory             bytes of all requests that are being received or answered
    decoding           bytes that decoding takes at once
    connections        at once, with the files that are open; fewer where the system allows no more
    seconds            that a request's head may take to arrive, then its body, and its answer to be taken
    hurry              that it may take where others need its room
    """

    body: int = 64 * 1024 * 1024
    pictures: int = 64
    pixels: int = 50_000_000
    waiting: int = 256
    memory: int = 512 * 1024 * 1024
    decoding: int = 1024 * 1024 * 1024
    connections: int = 4096
    seconds: float = 30.0
    hurry: float = 5.0
