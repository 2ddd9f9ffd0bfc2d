"""ScriptSpec: a run that executes a person's own script instead of fledge's training loop."""

from pathlib import Path

from pydantic import Field

from fledge.spec.section import Section


class ScriptSpec(Section):
    path: Path = Field(description="the Python script, below source")
    args: tuple[str, ...] = Field((), description="its arguments")
    source: Path | None = Field(
        None,
        description="the folder that travels with the run and that the script runs in; "
        "by default the one of the spec file, or the working folder",
    )
