"""StatusLine: how far a run is, in one line that follows its journal's events."""

import time
from typing import Any


class StatusLine:
    """`text` is empty while there is nothing to tell."""

    def __init__(self) -> None:
        self.text = ""
        self._best: float | None = None
        self._begun: tuple[float, float] | None = None

    def hear(self, event: dict[str, Any]) -> None:
        """Take the next event."""
        match event["event"]:
            case "step":
                self._hear_step(event)
            case "progress":
                of = "" if event["total"] is None else f" of {event['total']}"
                done = event["done"] == event["total"]
                self.text = "" if done else f"{event['what']}: {event['done']}{of} {event['unit']}"
            case "metrics":
                self._best = event["values"].get("best_val_accuracy", self._best)
            case "state":
                self.text, self._begun = "", None

    def _hear_step(self, event: dict[str, Any]) -> None:
        share = (event["epoch"] - 1 + event["step"] / event["steps"]) / event["epochs"]
        parts = [
            f"epoch {event['epoch']}/{event['epochs']}",
            f"step {event['step']}/{event['steps']}",
            f"{event['images_per_second']:.4g} images/s",
            # No number any more, where it has become a word.
            f"loss {event['loss']:.4f}" if isinstance(event["loss"], float) else f"loss {event['loss']}",
        ]
        if isinstance(self._best, float | int):
            parts.append(f"best {self._best:.1%}")
        now = time.monotonic()
        if self._begun is None:
            self._begun = now, share
        elif share > self._begun[1]:
            since, at = self._begun
            parts.append(f"{_clock((now - since) * (1 - share) / (share - at))} left")
        self.text = "  ".join(parts)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
