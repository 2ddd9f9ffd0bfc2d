"""Page: the sections together, as one file that needs no network, or as what a notebook shows."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files

from markupsafe import Markup

from fledge.reporting.confusion import confusion
from fledge.reporting.curves import curves
from fledge.reporting.facts import Facts
from fledge.reporting.lineage import lineage
from fledge.reporting.overview import comparison, overview
from fledge.reporting.photos import photos
from fledge.reporting.section import Section, render
from fledge.reporting.time_spent import time_spent
from fledge.reporting.trials import Sweep, trials
from fledge.runs.journal import now


def page(runs: Sequence[Facts], sweep: Sweep | None = None) -> bytes:
    """HTML, UTF-8: of one run, of several beside each other, or of a sweep and what of its runs is asked for."""
    shared = [trials(sweep)] if sweep else []
    shared += [comparison(runs), curves(runs)] if len(runs) > 1 else []
    parts = [(run, [overview(run), *([] if len(runs) > 1 else [curves(runs)]), *_details(run)]) for run in runs]
    if not shared:
        # The page's own title is the run's name.
        parts = [(run, [replace(first, title="Overview"), *more]) for run, (first, *more) in parts]
    title = f"sweep {sweep.name}" if sweep else runs[0].label if len(runs) == 1 else f"{len(runs)} runs"
    told = render("page.html", title=title, shared=shared, parts=parts, style=_style(), made=now())
    # Names of files may be no text at all.
    return str(told).encode(errors="backslashreplace")


def snapshot(run: Facts) -> str:
    """What a notebook shows: how the run stands, its curves, and what its best model took the images for."""
    sections = [overview(run), curves([run])]
    if run.predictions:
        sections += [*confusion(run.predictions), *photos(run.predictions)]
    told = render("snapshot.html", sections=sections, style=_style())
    return str(told).encode(errors="backslashreplace").decode()


def _details(run: Facts) -> list[Section]:
    sections = [*confusion(run.predictions), *photos(run.predictions)] if run.predictions else []
    spent = time_spent(run)
    if run.exports:
        sections.append(Section("Exports", render("exports.html", exports=run.exports)))
    return [*sections, *([spent] if spent else []), lineage(run)]


def _style() -> Markup:
    return Markup(files("fledge.reporting").joinpath("templates", "style.css").read_text())  # noqa: S704 -- our own
