"""Section: a part of the page, made of facts; the page and a notebook show the same ones."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    title: str
    body: Markup


def render(template: str, /, **values: Any) -> Markup:
    """Whatever text is among the values, a stranger's too, is escaped."""
    return Markup(_environment().get_template(template).render(values))  # noqa: S704 -- by the template


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fledge.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "number": number, "share": share}
    return environment


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def share(value: float) -> str:
    return f"{value:.1%}"
