"""Confusion: what the best model took the validation images for, and what that comes to for each class."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from fledge.predictions import Predictions
from fledge.reporting.drawing import heat_map
from fledge.reporting.section import Section, render
from fledge.reporting.series import Points

# A table of more classes fits no screen.
_IN_A_TABLE = 12
_PAIRS = 15
_CLASSES = 50


@dataclass(frozen=True)
class Figures:
    """Of one class; None: precision of a class never predicted, recall of one without images."""

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def confusion(told: Predictions) -> list[Section]:
    counts = counted(told)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    rows = [
        (name, list(zip(counts[at].astype(int).tolist(), shares[at].tolist(), strict=True)))
        for at, name in enumerate(told.classes)
    ]
    small = len(rows) <= _IN_A_TABLE
    picture = Markup() if small else _picture(shares)
    figures = sorted(per_class(told.classes, counts), key=lambda one: one.f1 if one.f1 is not None else 2.0)
    many = len(figures) > _CLASSES
    if not many:
        figures = per_class(told.classes, counts)
    matrix = render(
        "confusion.html",
        classes=told.classes,
        rows=rows if small else [],
        picture=picture,
        pairs=[] if small else _pairs(told.classes, counts, shares),
        epoch=told.epoch,
        images=len(told.labels),
    )
    table = render("figures.html", figures=figures[:_CLASSES], classes=len(told.classes), many=many)
    return [Section("Confusion matrix", matrix), Section("Classes", table)]


def counted(told: Predictions) -> Points:
    """How often an image of class i was taken for class j: [C, C]."""
    number = len(told.classes)
    at = np.array(told.labels, np.int64) * number + np.array([row[0] for row in told.top], np.int64)
    return np.bincount(at, minlength=number**2).reshape(number, number).astype(np.float64)


def per_class(classes: list[str], counts: Points) -> list[Figures]:
    found = []
    for at, name in enumerate(classes):
        hits, predicted, support = int(counts[at, at]), int(counts[:, at].sum()), int(counts[at].sum())
        precision = hits / predicted if predicted else None
        recall = hits / support if support else None
        f1 = 2 * hits / (predicted + support) if predicted + support else None
        found.append(Figures(name, precision, recall, f1, support))
    return found


def _picture(shares: Points) -> Markup:
    alt = f"Confusion matrix of {len(shares)} classes; {np.mean(np.diag(shares)):.1%} on its diagonal, on average"
    return heat_map(shares, "taken for (class number)", "is (class number)", alt)


def _pairs(classes: list[str], counts: Points, shares: Points) -> list[tuple[str, str, int, float]]:
    """Class, what it was most often taken for, how often, and which share of its images."""
    off = counts * ~np.eye(len(classes), dtype=bool)
    highest = np.argsort(-off, axis=None, kind="stable")[:_PAIRS]
    places = [divmod(int(at), len(classes)) for at in highest]
    return [(classes[i], classes[j], int(off[i, j]), float(shares[i, j])) for i, j in places if off[i, j]]
