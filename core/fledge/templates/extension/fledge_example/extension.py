"""Example: what came of a training, in a few lines."""

from fledge import RunInfo, Trained, hookimpl

from fledge_example.options import ExampleOptions


class Example:
    def __init__(self, options: ExampleOptions) -> None:
        self._options = options

    @hookimpl
    def model_trained(self, run: RunInfo, trained: Trained) -> None:
        lines = [f"run {run.id}: {', '.join(trained.classes)}"]
        lines += [f"{name} = {value:.{self._options.digits}g}" for name, value in sorted(trained.metrics.items())]
        (run.outputs / "example.txt").write_text("\n".join(lines) + "\n")
