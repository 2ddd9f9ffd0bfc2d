"""TrainingSpec: everything about how a model is trained."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, WithJsonSchema, model_validator

from fledge.spec.section import Section

_SECONDS = re.compile(r"\d+(\.\d+)?s")


def _interval(value: Any) -> Any:
    steps = isinstance(value, int) and not isinstance(value, bool) and value > 0
    seconds = isinstance(value, str) and _SECONDS.fullmatch(value) and float(value[:-1]) > 0
    if not steps and not seconds:
        raise ValueError(f'{value!r} is neither a number of steps, such as 50, nor of seconds, such as "60s"')
    return value


_INTERVAL_SCHEMA = {
    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^{_SECONDS.pattern}$"}]
}
Interval = Annotated[int | str, BeforeValidator(_interval), WithJsonSchema(_INTERVAL_SCHEMA)]

# Keys that mean something with one choice of another key alone.
BELONGS_TO = {"momentum": ("optimizer", "sgd"), "step_size": ("schedule", "step"), "gamma": ("schedule", "step")}


class TrainingSpec(Section):
    mode: Literal["finetune", "head", "head+finetune"] = Field(
        "finetune",
        description="finetune: all layers; head: the backbone stays as it is, and its features are computed once; "
        "head+finetune: the head first, then all layers for finetune_epochs",
    )
    epochs: PositiveInt = Field(10, description="times over the training images")
    views: int = Field(
        0,
        ge=0,
        description="modes with head: augmented views of every training image, taken in turn, an epoch each; "
        "0: the image as validation sees it",
    )
    finetune_epochs: PositiveInt = Field(
        3, description="mode head+finetune: epochs of all layers, after those of the head"
    )
    finetune_lr: PositiveFloat = Field(0.001, description="mode head+finetune: learning rate of those epochs")
    batch_size: PositiveInt = Field(32, description="images a step")
    accumulate: PositiveInt = Field(1, description="steps whose gradients are averaged before the weights move")
    optimizer: Literal["sgd", "adamw"] = Field("sgd", description="sgd has Nesterov-free momentum")
    lr: PositiveFloat = Field(
        0.01, description="learning rate of the head, and of all layers unless backbone_lr is set"
    )
    backbone_lr: PositiveFloat | None = Field(
        None,
        description="learning rate of the earliest layers; those between are spaced geometrically up to the head's",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(0.0, ge=0, description="L2 penalty of sgd, decoupled decay of adamw")
    schedule: Literal["constant", "step", "cosine"] = Field("cosine", description="how the learning rate falls")
    step_size: PositiveInt = Field(7, description="schedule step: epochs between two falls")
    gamma: float = Field(0.1, gt=0, le=1, description="schedule step: factor of a fall")
    warmup_epochs: float = Field(0.0, ge=0, description="epochs over which the learning rate rises from zero")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all classes")
    class_weights: Literal["none", "balanced"] | dict[str, PositiveFloat] = Field(
        "none", description="balanced: inverse to how often a class occurs; or a table of class = weight"
    )
    clip_grad_norm: PositiveFloat | None = Field(None, description="largest norm of all gradients together")
    early_stopping: PositiveInt | None = Field(
        None, description="epochs without a better validation accuracy after which training ends"
    )
    freeze_batchnorm: bool = Field(
        False, description="keep the statistics of batch-norm layers as they were pretrained"
    )
    sync_batchnorm: bool = Field(
        False, description="many processes: batch-norm statistics over the batch of all of them, and not of each"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="number format of the network's arithmetic; bf16: mixed precision; auto: bf16 where the "
        "processor has instructions for it",
    )
    channels_last: bool = Field(True, description="keep images with their channels last, as fast kernels want them")
    compile: bool = Field(False, description="have torch.compile make faster kernels: minutes at first, for long runs")
    cuda_graphs: bool = Field(
        False, description="compile, and have a CUDA graph launch all kernels of a step at once; for small batches"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="auto: cuda, else mps, else cpu")
    workers: int | Literal["auto"] = Field(
        "auto",
        description="processes that decode images; auto: none on a CPU, where they take cores from the arithmetic",
    )

    checkpoint_every: Interval = Field(
        "60s", description='a checkpoint every so many steps (50) or seconds ("60s"), from which a run can be resumed'
    )
    retries: int = Field(
        0,
        ge=0,
        description="times the run resumes by itself where its machine was taken away, its process was lost, "
        "or a passing error (a network that was away, say) ended it",
    )

    profile: Literal["off", "table", "trace"] = Field(
        "off",
        description="tell where the time went: as a table, or also span by span in outputs/trace.json "
        "(for chrome://tracing or Perfetto); on a GPU this costs speed, since every span waits for it",
    )

    @property
    def checkpoint_seconds(self) -> float | None:
        """None where checkpoints go by steps."""
        return float(self.checkpoint_every[:-1]) if isinstance(self.checkpoint_every, str) else None

    @model_validator(mode="after")
    def _fits_together(self) -> "TrainingSpec":
        if isinstance(self.workers, int) and self.workers < 0:
            raise ValueError("workers is a number of processes: 0 or more, or 'auto'")
        if self.backbone_lr is not None and self.mode == "head":
            raise ValueError(
                "backbone_lr has no effect in mode 'head', where the backbone does not learn: leave it out"
            )
        if self.views and self.mode == "finetune":
            raise ValueError("views has no effect in mode 'finetune', which augments every image anew: leave it out")
        for key in ("compile", "cuda_graphs"):
            if self.mode == "head" and getattr(self, key):
                raise ValueError(f"{key} has no effect in mode 'head', whose network is one small layer: leave it out")
        if self.sync_batchnorm and (self.freeze_batchnorm or self.mode == "head"):
            other = "freeze_batchnorm" if self.freeze_batchnorm else "mode 'head'"
            raise ValueError(
                f"sync_batchnorm has no effect with {other}, whose statistics stay as they are: leave it out"
            )
        for key in ("finetune_epochs", "finetune_lr"):
            if self.mode != "head+finetune" and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} has no effect in mode '{self.mode}': it belongs to mode 'head+finetune'")
        if self.warmup_epochs >= self.epochs and self.warmup_epochs > 0:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs:g}) must be fewer than epochs ({self.epochs})")
        return self
