"""Decoder: from a picture's bytes to what the network sees of it, in bounded memory."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from PIL import Image, UnidentifiedImageError

from fledge.data.examination import problem_with
from fledge.data.quiet import quiet_pillow
from fledge.inference.classifier import Classifier
from fledge.serving.batcher import Pixels
from fledge.serving.limits import Limits
from fledge.serving.room import Room

# Those that photographs come in, and whose head tells how large they are: that of an icon does not.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP")
# More would wait for memory.
_THREADS = 8


class TooLarge(Exception):  # noqa: N818 -- says what it is
    """A picture that is small to send and large to decode."""


class Decoder:
    """As many pictures at once as there are cores, and as there is memory for: what each takes is known from its head.

    First come, first served, so that a large one is not passed by small ones for ever.
    """

    def __init__(self, classifier: Classifier, limits: Limits) -> None:
        self._classifier = classifier
        self._limits = limits
        # Of those that this process may use, where the system tells.
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(min(_THREADS, cores))
        self._room = Room(limits.decoding)
        self._turn = asyncio.Lock()
        self._given_back = asyncio.Event()

    async def __call__(self, content: io.BytesIO) -> Pixels:
        """uint8 [3, H, W]. Raises TooLarge; and ValueError, saying what is wrong with a broken one."""
        loop = asyncio.get_running_loop()
        async with self._taken(await loop.run_in_executor(self._threads, self._footprint, content)):
            return await loop.run_in_executor(self._threads, self._seen, content)

    @asynccontextmanager
    async def _taken(self, size: int) -> AsyncIterator[None]:
        async with self._turn:
            while not self._room.has(size):
                self._given_back.clear()
                await self._given_back.wait()
            self._room.take(size)
        try:
            yield
        finally:
            self._room.give_back(size)
            self._given_back.set()

    def _footprint(self, content: io.BytesIO) -> int:
        size = content.getbuffer().nbytes
        if size == 0:
            raise ValueError("is empty (zero bytes)")
        try:
            with quiet_pillow(), Image.open(content, formats=_FORMATS) as image:
                pixels = image.width * image.height
                # Some decoders want all of the file in one piece.
                need = self._classifier.footprint(image) + size
        except Image.DecompressionBombError:
            raise TooLarge(f"has more than {self._limits.pixels:,} pixels") from None
        except UnidentifiedImageError:
            raise ValueError(f"is not an image that can be read here: {', '.join(_FORMATS)}") from None
        except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
            raise ValueError(problem_with(error)) from None
        if pixels > self._limits.pixels:
            raise TooLarge(f"has {pixels:,} pixels; {self._limits.pixels:,} may be")
        if need > self._limits.decoding:
            raise TooLarge(f"takes {need:,} bytes to decode; {self._limits.decoding:,} may be")
        return need

    def _seen(self, content: io.BytesIO) -> Pixels:
        content.seek(0)
        try:
            return self._classifier.see(content)
        except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
            raise ValueError(problem_with(error)) from None
