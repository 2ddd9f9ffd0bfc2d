"""Answers: what the server says, in the words of its OpenAPI description."""

from typing import Any

from pydantic import BaseModel, Field


class Label(BaseModel):
    label: str
    probability: float


class PictureAnswer(BaseModel):
    """Of one picture: the likeliest label and all others; or what is wrong with it."""

    name: str
    label: str | None = None
    probability: float | None = None
    top: list[Label] = Field(default_factory=list, description="every class, likeliest first")
    error: str | None = None


class Answer(BaseModel):
    """In the order of the request's pictures."""

    predictions: list[PictureAnswer]


class Refusal(BaseModel):
    detail: str


class Health(BaseModel):
    status: str
    waiting: int = Field(description="pictures that were received and have no answer yet")
    ready: int = Field(description="those of them that are decoded, and will be the model's next batch")
    held: int = Field(description="bytes of the requests that are being received or answered")


class Metadata(BaseModel):
    """What the exported file tells of itself."""

    file: str
    classes: list[str]
    metadata: dict[str, Any]
