"""The model example keeps the promises of every model, and learns."""

from collections.abc import Callable

from fledge.testing import FinishedRun, ModelContract


class TestExample(ModelContract, offer="example"):
    pass


def test_it_learns(fledge_run: Callable[..., FinishedRun]) -> None:
    training = {"epochs": 6, "lr": 0.05, "batch_size": 8}
    done = fledge_run({"dataset": {"name": "squares"}, "model": {"name": "example"}, "training": training})
    assert done.metrics["best_val_accuracy"] > 0.8
