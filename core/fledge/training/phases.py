"""The phases of a training, one after another: the head on frozen features, all layers, or both in turn."""

from dataclasses import dataclass

from fledge.spec.training import TrainingSpec


@dataclass(frozen=True)
class Phase:
    """Epochs first_epoch to last_epoch, counted from 0 and the last not among them, as `spec` says."""

    head: bool
    spec: TrainingSpec
    first_epoch: int = 0

    @property
    def last_epoch(self) -> int:
        return self.first_epoch + self.spec.epochs


def phases(spec: TrainingSpec) -> list[Phase]:
    if spec.mode != "head+finetune":
        return [Phase(spec.mode == "head", spec)]
    later = spec.model_copy(update={"epochs": spec.finetune_epochs, "lr": spec.finetune_lr, "warmup_epochs": 0.0})
    return [Phase(True, spec), Phase(False, later, spec.epochs)]
