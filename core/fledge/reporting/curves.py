"""Curves: every metric by epoch or step, the runs over each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from fledge.reporting.drawing import COLOURS, Line, line_chart
from fledge.reporting.facts import Facts
from fledge.reporting.section import Section, number, render
from fledge.reporting.series import Series

# Names begin with where a value was measured.
_DASHES = {"best_val_": ":", "train_": "--", "train/": "--", "val_": "-", "val/": "-"}
# More pictures than these nobody looks at.
_CHARTS = 40
# So many lines are named in words; a thousand classes may have one each.
_NAMED = 5


@dataclass(frozen=True)
class Curve:
    """run: its place among those shown."""

    run: int
    name: str
    series: Series
    dash: str

    @property
    def last(self) -> float:
        return float(self.series.points()[1][-1])


@dataclass
class Chart:
    """name: of what its curves show; family: whether they are many of one kind, a class each."""

    name: str
    axis: str
    family: bool
    curves: list[Curve] = field(default_factory=list)

    def picture(self) -> Markup:
        lines = [
            Line(*curve.series.points(), curve.run, curve.dash, 0.8 if self.family else 1.5) for curve in self.curves
        ]
        return line_chart(lines, self.axis, f"{self.name} by {self.axis}; {self.words}")

    @property
    def words(self) -> str:
        """Where the curves end: of a family the lowest ones."""
        ends = sorted(self.curves, key=lambda curve: curve.last) if self.family else self.curves
        named = ", ".join(f"{curve.name} {number(curve.last)}" for curve in ends[:_NAMED])
        if self.family and len(ends) > _NAMED:
            return f"lowest of {len(ends)} at the end: {named}"
        return f"at the end: {named}" + (" ..." if len(ends) > _NAMED else "")


def curves(runs: Sequence[Facts]) -> Section:
    charts = _charts(runs)
    dashes = {curve.dash for chart in charts for curve in chart.curves if not chart.family}
    left_out = sum(one.reading.left_out for one in runs)
    odd = sum(series.odd for one in runs for series in one.reading.series.values())
    body = render(
        "curves.html",
        runs=[(run.label, at % COLOURS, "●▲■◆"[at // COLOURS % 4]) for at, run in enumerate(runs)],
        charts=[(chart.name, chart.words, chart.picture()) for chart in charts[:_CHARTS]],
        more=[chart.name for chart in charts[_CHARTS:]],
        kinds=[("solid", "validation")] * ("-" in dashes) + [("dashed", "training")] * ("--" in dashes)
        + [("dotted", "best so far")] * (":" in dashes) if len(dashes) > 1 else [],
        left_out=left_out,
        odd=odd,
    )  # fmt: skip
    return Section("Curves", body)


def _charts(runs: Sequence[Facts]) -> list[Chart]:
    found: dict[tuple[str, str], Chart] = {}
    for at, run in enumerate(runs):
        for (name, axis), series in run.reading.series.items():
            if not len(series.points()[0]):
                continue
            kind, _, member = name.partition("/")
            # A script may call its own metrics train/loss and train/accuracy: those are of no kind.
            member = member if (kind, axis) in run.reading.series else ""
            prefix = next((one for one in _DASHES if name.startswith(one) and name != one), "")
            about = f"{kind} of each" if member else name.removeprefix(prefix)
            chart = found.setdefault((about, axis), Chart(about, axis, bool(member)))
            chart.curves.append(Curve(at, member or name, series, "-" if member else _DASHES.get(prefix, "-")))
    return sorted(found.values(), key=lambda chart: chart.family)
