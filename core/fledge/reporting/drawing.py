"""Drawing: charts by matplotlib, as SVG that takes its colours from the page around it.

Each colour here stands for one of the page's, by a number that nothing else has: in the finished picture it is
replaced by the page's variable, which is another one in the dark. No text in a picture comes from a stranger.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from fledge.reporting.series import Points

# Told apart by people who see few colours too (after Okabe and Ito); what comes later has other marks as well.
COLOURS = 6
MARKS = ("o", "^", "s", "D")
_VARIABLES = {
    "#00000a": "--text", "#00000b": "--quiet", "#00000c": "--line",
    **{f"#0000{at + 16:x}": f"--c{at}" for at in range(COLOURS)},
}  # fmt: skip
_COLOUR_OF = {variable: colour for colour, variable in _VARIABLES.items()}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fledge",
    "text.parse_math": False,
    "font.size": 11,
    "text.color": _COLOUR_OF["--text"],
    "axes.edgecolor": _COLOUR_OF["--line"],
    "axes.labelcolor": _COLOUR_OF["--quiet"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _COLOUR_OF["--line"],
    "grid.alpha": 0.4,
    "grid.linewidth": 0.6,
    "xtick.color": _COLOUR_OF["--line"],
    "ytick.color": _COLOUR_OF["--line"],
    "xtick.labelcolor": _COLOUR_OF["--quiet"],
    "ytick.labelcolor": _COLOUR_OF["--quiet"],
}
# As wide as a phone shows it: text keeps its size there.
_WIDTH = 4.7
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
# Few enough points to see each.
_MARKED = 30
_BARS_COLOUR = _COLOUR_OF["--c0"]


@dataclass(frozen=True)
class Line:
    """colour: a number from 0 on. dash: matplotlib's word for it, "-" or "--" or ":"."""

    x: Points
    y: Points
    colour: int = 0
    dash: str = "-"
    width: float = 1.5


def line_chart(lines: Sequence[Line], axis: str, alt: str) -> Markup:
    def draw(axes: Axes) -> None:
        for line in lines:
            mark = MARKS[line.colour // COLOURS % len(MARKS)] if len(line.x) <= _MARKED else ""
            if not mark and line.colour >= COLOURS:
                mark = MARKS[line.colour // COLOURS % len(MARKS)]
            axes.plot(
                line.x,
                line.y,
                color=_COLOUR_OF[f"--c{line.colour % COLOURS}"],
                linestyle=line.dash,
                linewidth=line.width,
                marker=mark,
                markersize=2 + line.width,
                markevery=max(1, len(line.x) // _MARKED),
            )
        axes.set_xlabel(axis)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_locator(MaxNLocator(5))

    return _svg(draw, 2.7, alt)


@dataclass(frozen=True)
class Dots:
    """best: the number of the one that has a ring around it. log: x from decade to decade."""

    x: Points
    y: Points
    best: int | None = None
    log: bool = False


def dot_chart(dots: Dots, axis: str, alt: str, line: Points | None = None) -> Markup:
    """line: what belongs to the same x, and is connected."""

    def draw(axes: Axes) -> None:
        if line is not None:
            axes.step(dots.x, line, where="post", color=_COLOUR_OF["--quiet"], linewidth=1)
        axes.plot(dots.x, dots.y, "o", color=_COLOUR_OF["--c0"], markersize=4)
        if dots.best is not None:
            axes.plot(
                dots.x[dots.best],
                dots.y[dots.best],
                "o",
                markersize=10,
                markeredgewidth=2,
                markerfacecolor="none",
                markeredgecolor=_COLOUR_OF["--c1"],
            )
        axes.set_xlabel(axis)
        if dots.log:
            axes.set_xscale("log")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=bool((dots.x == dots.x.round()).all())))
        axes.yaxis.set_major_locator(MaxNLocator(5))

    return _svg(draw, 2.7, alt)


def bar_chart(names: Sequence[str], values: Sequence[float], unit: str, alt: str) -> Markup:
    """One bar a name, downwards."""

    def draw(axes: Axes) -> None:
        axes.barh(range(len(names)), values, color=_BARS_COLOUR, height=0.65)
        axes.set_yticks(range(len(names)), labels=names)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(unit)

    return _svg(draw, 0.7 + 0.27 * len(names), alt)


def heat_map(shares: Points, across: str, down: str, alt: str) -> Markup:
    """A square of shares from 0 to 1, of many classes."""

    def draw(axes: Axes) -> None:
        # One colour, seen on light and dark, and more or less of it.
        axes.imshow(_shaded(shares), interpolation="nearest", aspect="equal")
        axes.grid(visible=False)
        axes.set_xlabel(across)
        axes.set_ylabel(down)

    return _svg(draw, 4.4, alt)


def _shaded(shares: Points) -> Points:
    import numpy as np

    return np.dstack([np.full_like(shares, level) for level in (0.17, 0.52, 0.82)] + [np.sqrt(shares)])


def _svg(draw: Callable[[Axes], None], height: float, alt: str) -> Markup:
    content = io.StringIO()
    # Whatever style a notebook has chosen.
    with style.context(["default", _STYLE], after_reset=True):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(content, format="svg", transparent=True, metadata=_NO_METADATA)
    drawn = content.getvalue()
    drawn = drawn[drawn.index("<svg ") :]
    drawn = re.sub("|".join(_VARIABLES), lambda found: f"var({_VARIABLES[found[0]]})", drawn)
    # Their numbers begin anew in each picture, and a page has many.
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)
    return Markup(drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1))  # noqa: S704 -- drawn here
