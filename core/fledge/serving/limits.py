"""Limits: how much one who asks may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """body: bytes of a request; pixels: of one picture; pictures: of a request; waiting: pictures held at once."""

    body: int = 64 * 1024 * 1024
    pixels: int = 50_000_000
    pictures: int = 64
    waiting: int = 256
