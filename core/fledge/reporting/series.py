"""Series: the points of one metric, thinned out so that any number of them takes no more than bounded memory.

By M4: of the points that fall into one column of the picture the first, the last, the lowest and the highest are
kept, which is all that a line drawn through them shows (Jugel, Jerzak, Hackenbroich, Markl: "M4: A
Visualization-Oriented Time Series Data Aggregation", VLDB 2014). Columns are a power of two wide, and begin at 0: a
wider one holds whole narrower ones, so that thinning what was thinned before comes to the same.
"""

from array import array

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_COLUMNS = 512
# So many points are all kept.
_EXACT = 4 * _COLUMNS
# So many wait at least before they are thinned out.
_WAITING = 1 << 15


class Series:
    """x: epoch, step, or how many points came before; y: the values.

    Of two points at one x the later holds. Values that are no finite number are counted, and have no point.
    """

    def __init__(self) -> None:
        self._counted = 0
        self.odd = 0
        # Added to without a call of ours between: a journal may have millions.
        self.xs = array("d")
        self.ys = array("d")
        self._x: Points = np.empty(0)
        self._y: Points = np.empty(0)
        self._begins_again = False

    @property
    def count(self) -> int:
        return self._counted + len(self.ys)

    def begin_again(self) -> None:
        """What is told from now on may tell again what was told before: from its first x on, the old holds no more."""
        self._settle()
        self._begins_again = True

    def rest(self) -> None:
        """Called now and then, so that memory stays bounded."""
        if len(self.xs) >= _WAITING:
            self._settle()

    def points(self) -> tuple[Points, Points]:
        """x, ascending, and y."""
        self._settle()
        return self._x, self._y

    def _settle(self) -> None:
        if not self.xs:
            return
        x, y = np.array(self.xs), np.array(self.ys)
        del self.xs[:], self.ys[:]
        self._counted += len(x)
        if self._begins_again:
            before = self._x < x[0]
            self._x, self._y = self._x[before], self._y[before]
            self._begins_again = False
        finite = np.isfinite(x) & np.isfinite(y)
        self.odd += len(x) - int(finite.sum())
        x, y = np.concatenate((self._x, x[finite])), np.concatenate((self._y, y[finite]))
        if (x[1:] < x[:-1]).any():
            order = np.argsort(x, kind="stable")
            x, y = x[order], y[order]
        latest = np.append(x[1:] != x[:-1], True)[: len(x)]
        self._x, self._y = _thinned(x[latest], y[latest])


def _thinned(x: Points, y: Points) -> tuple[Points, Points]:
    if len(x) <= _EXACT:
        return x, y
    width = 2.0 ** np.ceil(np.log2((x[-1] - x[0]) / _COLUMNS))
    column = np.floor(x / width)
    first = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
    ends = np.append(first[1:], len(x))
    kept = np.zeros(len(x), bool)
    kept[first] = kept[ends - 1] = True
    for extreme in (np.minimum, np.maximum):
        there = np.flatnonzero(y == np.repeat(extreme.reduceat(y, first), ends - first))
        # Of many that are as high, in one column, the first.
        kept[there[np.append(True, column[there[1:]] != column[there[:-1]])]] = True
    return x[kept], y[kept]
