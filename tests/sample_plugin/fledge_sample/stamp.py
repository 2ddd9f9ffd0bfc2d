"""Stamp: an extension that keeps what the lifecycle hooks told it among the run's outputs."""

from fledge import Options, RunInfo, Trained, hookimpl


class Stamp:
    def __init__(self, options: Options) -> None:
        self.told: list[str] = []

    @hookimpl
    def run_started(self, run: RunInfo) -> None:
        self.told.append(f"started {run.experiment}")
        print(self.told[-1])

    @hookimpl
    def epoch_ended(self, epoch: int, metrics: dict[str, float]) -> None:
        self.told.append(f"epoch {epoch} {sorted(metrics)[0]}")

    @hookimpl
    def model_trained(self, run: RunInfo, trained: Trained) -> None:
        self.told.append(f"trained {trained.best.name} {','.join(trained.classes)}")
        (run.outputs / "stamp.txt").write_text("\n".join(self.told))
