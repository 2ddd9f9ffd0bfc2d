"""Photos: those that the best model was most wrong about, and those it was least sure of."""

from dataclasses import dataclass

from fledge.predictions import Predictions
from fledge.reporting.section import Section, render


@dataclass(frozen=True)
class Shown:
    """photo: JPEG in base64, empty where none was kept. top: classes and their probabilities, likeliest first."""

    name: str
    label: str
    photo: str
    top: list[tuple[str, float]]


def photos(told: Predictions) -> list[Section]:
    wrong, unsure = told.most_wrong(), told.least_sure()
    sections = []
    if wrong:
        sections.append(Section("Most wrong", render("photos.html", shown=[_shown(told, row) for row in wrong])))
    if unsure:
        sections.append(Section("Least sure", render("photos.html", shown=[_shown(told, row) for row in unsure])))
    return sections


def _shown(told: Predictions, row: int) -> Shown:
    top = [(told.classes[at], share) for at, share in zip(told.top[row], told.shares[row], strict=True)]
    return Shown(told.names[row], told.classes[told.labels[row]], told.photos.get(row, ""), top)
