"""Batcher: pictures that come one by one, asked about together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from fledge.inference.classifier import Classifier

_BATCH = 32

Pixels = NDArray[np.uint8]
Shares = NDArray[np.float64]


class Batcher:
    """While the model works on some pictures, those that come meanwhile gather, and are the next it works on.

    So nobody waits for company, and under load nobody is alone.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._waiting: asyncio.Queue[tuple[Pixels, asyncio.Future[Shares]]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1)
        self._working: asyncio.Task[None] | None = None

    @property
    def ready(self) -> int:
        """How many wait for the model."""
        return self._waiting.qsize()

    async def __call__(self, pixels: Pixels) -> Shares:
        """The probabilities of one picture uint8 [3, H, W]."""
        if self._working is None:
            self._working = asyncio.create_task(self._run())
        answer: asyncio.Future[Shares] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((pixels, answer))
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            some = [await self._waiting.get()]
            while len(some) < _BATCH and not self._waiting.empty():
                some.append(self._waiting.get_nowait())
            try:
                shares = await loop.run_in_executor(self._thread, self._classifier, np.stack([one for one, _ in some]))
                if len(shares) != len(some):
                    raise ValueError(f"{len(shares)} answers to {len(some)} pictures")
            except Exception as error:  # noqa: BLE001 -- theirs who asked, and not the server's end
                for _, answer in some:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), share in zip(some, shares, strict=True):
                # Whoever asked may have gone.
                if not answer.done():
                    answer.set_result(share)
