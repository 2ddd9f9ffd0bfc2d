"""Time: where it went, by the profile where there is one, else by the run's states."""

from fledge.profiling import ROOT
from fledge.reporting.drawing import bar_chart
from fledge.reporting.facts import Facts
from fledge.reporting.section import Section, duration, render

_BARS = 12


def time_spent(run: Facts) -> Section | None:
    profile = run.reading.history.profile
    if profile:
        total = profile[0]["seconds"] or 1.0
        rows = [(len(row["path"]) - 1, row["path"][-1], row["seconds"], row["seconds"] / total, row["count"])
                for row in profile]  # fmt: skip
        # Of the main thread: what others did beside it took nobody's time.
        bars = [(row["path"][1], row["seconds"]) for row in profile if len(row["path"]) == 2 and row["path"][0] == ROOT]
    else:
        bars = run.stages()
        total = sum(seconds for _, seconds in bars) or 1.0
        rows = [(0, name, seconds, seconds / total, None) for name, seconds in bars]
    if not bars:
        return None
    bars = sorted(bars, key=lambda bar: -bar[1])[:_BARS] if profile else bars
    alt = "Where the time went: " + ", ".join(f"{name} {duration(seconds)}" for name, seconds in bars)
    picture = bar_chart([name for name, _ in bars], [seconds for _, seconds in bars], "seconds", alt)
    return Section("Time", render("time.html", rows=rows, picture=picture, profiled=bool(profile)))
