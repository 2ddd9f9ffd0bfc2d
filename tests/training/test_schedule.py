import itertools
import math

import pytest
import torch
from fledge.interfaces.model import ParameterGroup
from fledge.spec.training import TrainingSpec
from fledge.training.optimization import group_rates, make_optimizer, set_lr
from fledge.training.schedule import lr_factor
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("epoch", range(20))
def test_step_is_torchs_step_schedule(epoch: int) -> None:
    spec = TrainingSpec(schedule="step", step_size=7, gamma=0.1, epochs=20)
    optimizer = make_optimizer(spec, [ParameterGroup("all", [torch.nn.Parameter(torch.zeros(1))])])
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    for _ in range(epoch):
        optimizer.step()
        scheduler.step()
    expected = optimizer.param_groups[0]["lr"]
    set_lr(optimizer, lr_factor(spec, epoch + 0.5))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_cosine_falls_from_one_to_zero() -> None:
    spec = TrainingSpec(schedule="cosine", epochs=10)
    assert lr_factor(spec, 0) == 1
    assert lr_factor(spec, 5) == pytest.approx(0.5)
    assert lr_factor(spec, 10) == pytest.approx(0)


@given(
    schedule=st.sampled_from(["constant", "step", "cosine"]),
    warmup=st.floats(0, 4),
    points=st.lists(st.floats(0, 10), min_size=2, max_size=20),
)
def test_warm_up_rises_then_the_schedule_falls(schedule: str, warmup: float, points: list[float]) -> None:
    spec = TrainingSpec.model_validate({"schedule": schedule, "warmup_epochs": warmup, "epochs": 10, "step_size": 5})
    factors = [(at, lr_factor(spec, at)) for at in sorted(points)]
    assert all(0 <= factor <= 1 for _, factor in factors)
    before = [factor for at, factor in factors if at < warmup]
    after = [factor for at, factor in factors if at >= warmup]
    assert before == sorted(before)
    assert after == sorted(after, reverse=True)


def test_rates_grow_with_depth_in_equal_ratios() -> None:
    rates = group_rates(TrainingSpec(lr=0.1, backbone_lr=0.001), 5)
    assert rates[0] == pytest.approx(0.001)
    assert rates[-1] == pytest.approx(0.1)
    assert all(b / a == pytest.approx(math.sqrt(10)) for a, b in itertools.pairwise(rates))
    assert group_rates(TrainingSpec(lr=0.1), 5) == [0.1] * 5
