"""Labelling: from a request to what is on its pictures."""

import asyncio
import io

from fastapi import HTTPException, Request

from fledge.inference.classifier import Classifier
from fledge.serving.answers import Health, Label, PictureAnswer
from fledge.serving.arrivals import Arrivals
from fledge.serving.batcher import Batcher
from fledge.serving.decoder import Decoder, TooLarge
from fledge.serving.limits import Limits
from fledge.serving.pictures import pictures
from fledge.serving.room import Room


class Labelling:
    """Of one model, for all requests at once, within the limits."""

    def __init__(self, classifier: Classifier, limits: Limits) -> None:
        self._classifier = classifier
        self._limits = limits
        self._batcher = Batcher(classifier)
        self._decoder = Decoder(classifier, limits)
        self._arrivals = Arrivals(limits)
        self._waiting = Room(limits.waiting)

    async def __call__(self, request: Request) -> list[PictureAnswer]:
        """An answer for each picture, in their order; a broken one's says so. Raises HTTPException for the rest."""
        try:
            with self._arrivals.one() as arrival:
                found = await pictures(request, self._arrivals, arrival, self._limits)
                with self._waiting.taken(len(found)):
                    # All, before their room is given back: one that is refused does not end the others.
                    told = await asyncio.gather(*(self._answer(*one) for one in found), return_exceptions=True)
        except asyncio.CancelledError:
            # By a second Ctrl-C, or because somebody kept a server waiting that was told to stop.
            raise HTTPException(503, "the server was stopped") from None
        answers = []
        for one in told:
            if isinstance(one, BaseException):
                raise one
            answers.append(one)
        return answers

    def health(self) -> Health:
        return Health(status="ok", waiting=self._waiting.used, ready=self._batcher.ready, held=self._arrivals.held)

    async def _answer(self, name: str, content: io.BytesIO) -> PictureAnswer:
        try:
            pixels = await self._decoder(content)
        except ValueError as error:
            return PictureAnswer(name=name, error=f"{name} {error}")
        except TooLarge as error:
            raise HTTPException(413, f"{name} {error}") from None
        shares = self._classifier.top(await self._batcher(pixels), len(self._classifier.classes))
        top = [Label(label=label, probability=share) for label, share in shares]
        return PictureAnswer(name=name, label=top[0].label, probability=top[0].probability, top=top)
