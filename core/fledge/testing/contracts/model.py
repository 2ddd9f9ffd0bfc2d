"""ModelContract: what every Model promises."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fledge.interfaces.model import Model
from fledge.testing.contracts.contract import Contract

_CLASSES = ("ants", "bees", "wasps")


class ModelContract(Contract):
    """Held by an offer, or by a fixture `model` that returns a model not yet prepared.

    On the CPU. Batches are of what `transforms(train=False)` makes of seeded noise.
    """

    kind = "model"

    @pytest.fixture
    def model(self) -> Model:
        made: Model = self.make()
        return made

    @pytest.fixture
    def prepared(self, model: Model, tmp_path: Path) -> Model:
        model.prepare(tmp_path / "cache", warn=lambda line: None)
        return model

    @pytest.fixture
    def batch(self, prepared: Model) -> Tensor:
        """float32 [4, 3, H, W], as a network gets it."""
        mean, std = (torch.tensor(list(one)).view(3, 1, 1) for one in prepared.normalization())
        seen = torch.stack([prepared.transforms(train=False)(image) for image in self.images(prepared)])
        return (seen / 255 - mean) / std

    def images(self, model: Model, sizes: Sequence[tuple[int, int]] = ((300, 400), (400, 300))) -> list[Tensor]:
        """uint8 [3, H, W]: two of each size, as large as the data pipeline hands them on."""
        edge, noise = model.shorter_edge(), torch.Generator().manual_seed(0)
        scale = 1.0 if edge is None else edge / min(sizes[0])
        shapes = [(max(1, round(h * scale)), max(1, round(w * scale))) for h, w in sizes for _ in range(2)]
        return [torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=noise) for shape in shapes]

    def build(self, model: Model, classes: Sequence[str] = _CLASSES, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        return model.build(classes)

    def test_making_one_touches_nothing(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        before = torch.get_rng_state()
        with self.untouched(tmp_path / "empty"):
            request.getfixturevalue("model")
        assert torch.equal(torch.get_rng_state(), before), "it draws from torch's global generator"

    @pytest.mark.parametrize("count", [2, 3, 7])
    def test_it_answers_with_a_logit_a_class(self, prepared: Model, batch: Tensor, count: int) -> None:
        module = self.build(prepared, [f"class {number}" for number in range(count)]).eval()
        with torch.no_grad():
            logits = module(batch)
        assert logits.shape == (4, count)
        assert logits.dtype == torch.float32
        assert torch.isfinite(logits).all()

    def test_one_image_alone_is_a_batch(self, prepared: Model, batch: Tensor) -> None:
        module = self.build(prepared).eval()
        backbone, head = prepared.parts(module)
        with torch.no_grad():
            alone = module(batch[:1])
            assert alone.shape == (1, len(_CLASSES))
            # Kernels for another size add up in another order.
            torch.testing.assert_close(alone, module(batch)[:1], rtol=1e-4, atol=1e-5)
            assert torch.equal(head.eval()(backbone.eval()(batch[:1])), alone)

    def test_building_follows_the_seed(self, prepared: Model) -> None:
        one, same = self.build(prepared).state_dict(), self.build(prepared).state_dict()
        assert list(one) == list(same)
        assert all(torch.equal(one[name], same[name]) for name in one)

    def test_its_state_comes_back_bit_for_bit(self, prepared: Model, batch: Tensor, tmp_path: Path) -> None:
        module, other = self.build(prepared), self.build(prepared, seed=1)
        # A step, so that what a network keeps besides its parameters has moved too.
        module.train()(batch).sum().backward()
        torch.optim.SGD(module.parameters(), lr=0.01).step()
        save_file({name: value.contiguous() for name, value in module.state_dict().items()}, tmp_path / "state")
        other.load_state_dict(load_file(tmp_path / "state"))
        with torch.no_grad():
            assert torch.equal(module.eval()(batch), other.eval()(batch))

    def test_its_parts_compose_to_the_whole(self, prepared: Model, batch: Tensor) -> None:
        module = self.build(prepared).eval()
        backbone, head = prepared.parts(module)
        with torch.no_grad():
            features = backbone.eval()(batch)
            assert features.ndim == 2, f"features are [N, F], and these are {list(features.shape)}"
            assert torch.equal(head.eval()(features), module(batch))

    def test_its_parts_are_of_the_whole(self, prepared: Model) -> None:
        module = self.build(prepared)
        backbone, head = ({id(p) for p in part.parameters()} for part in prepared.parts(module))
        assert head, "the head has nothing to train"
        assert not backbone & head
        assert backbone | head == {id(parameter) for parameter in module.parameters()}

    def test_its_groups_have_every_parameter_once(self, prepared: Model) -> None:
        module = self.build(prepared)
        grouped = [id(parameter) for group in prepared.parameter_groups(module) for parameter in group.parameters]
        assert sorted(grouped) == sorted(id(parameter) for parameter in module.parameters())

    def test_everything_in_it_trains(self, prepared: Model, batch: Tensor) -> None:
        module = self.build(prepared).train()
        nn.functional.cross_entropy(module(batch), torch.arange(4) % len(_CLASSES)).backward()
        still = [name for name, parameter in module.named_parameters() if parameter.grad is None]
        assert not still, f"no gradient reaches {still}"

    def test_it_runs_in_half_precision(self, prepared: Model, batch: Tensor) -> None:
        module = self.build(prepared).eval()
        with torch.no_grad():
            exact = module(batch)
            with torch.autocast("cpu", torch.bfloat16):
                half = module(batch)
        assert torch.isfinite(half).all()
        # bf16 keeps 8 bits of a number; a network that ran wild would be off by its whole range.
        assert (half.float() - exact).abs().max() <= 0.1 * max(1.0, float(exact.abs().max()))

    def test_it_can_be_exported(self, prepared: Model, batch: Tensor) -> None:
        module = self.build(prepared).eval()
        # A batch of any size from one on.
        shapes = ({0: torch.export.Dim("batch", min=1, max=4096)},)
        exported = torch.export.export(module, (batch,), dynamic_shapes=shapes).module()
        with torch.no_grad():
            for some in (batch[:3], batch[:1]):
                torch.testing.assert_close(exported(some), module(some), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("train", [True, False])
    def test_transforms_make_images_alike(self, prepared: Model, train: bool) -> None:
        transform = prepared.transforms(train)
        odd = self.images(prepared, [(300, 400), (400, 300), (300, 301), (300, 900)])
        seen = [transform(image) for image in odd]
        assert {(one.dtype, one.ndim, one.shape[0]) for one in seen} == {(torch.uint8, 3, 3)}
        assert len({one.shape for one in seen}) == 1, "a batch needs images of one size"

    def test_transforms_draw_from_the_global_generator_alone(self, prepared: Model) -> None:
        image = self.images(prepared)[0]
        # Any that another process would get, too.
        for train, seeds in ((True, (0, 0)), (False, (0, 1))):
            seen = []
            for seed in seeds:
                torch.manual_seed(seed)
                seen.append(pickle.loads(pickle.dumps(prepared.transforms(train)))(image))  # noqa: S301 -- what it made itself
            assert torch.equal(*seen), f"transforms(train={train})"

    def test_what_it_tells_of_itself_is_json(self, prepared: Model) -> None:
        for told in (prepared.describe_transforms(), prepared.provenance()):
            assert json.loads(json.dumps(told, allow_nan=False)) == json.loads(json.dumps(dict(told)))
        mean, std = prepared.normalization()
        assert len(mean) == len(std) == 3
        assert all(number > 0 for number in std)

    def test_preparing_again_changes_nothing(self, prepared: Model, tmp_path: Path) -> None:
        before = self.build(prepared).state_dict()
        prepared.prepare(tmp_path / "cache", warn=lambda line: None)
        after = self.build(prepared).state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
