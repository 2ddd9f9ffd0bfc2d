"""Limits: how much one who asks may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """body: bytes of a request; pixels: of one picture; pictures: of a request; waiting: pictures held at once;
    memory: bytes of all requests that are being read or answered; seconds: that a request may take to arrive."""

    body: int = 64 * 1024 * 1024
    pixels: int = 50_000_000
    pictures: int = 64
    waiting: int = 256
    memory: int = 512 * 1024 * 1024
    seconds: float = 30.0
