"""The contract of models finds what is wrong: for every promise there is a model here that breaks it."""

from pathlib import Path

from tests.sabotage import Wrongs, hold

MODELS: Wrongs = {
    "Touching": ("def __init__(self, options): Path('trace').touch(); super().__init__(options)",
                 "making_one_touches_nothing"),
    "Hiding": ("def __init__(self, options): (Path.home() / 'trace').touch(); super().__init__(options)",
               "making_one_touches_nothing"),
    "Calling": ("def __init__(self, options):\n"
                "    super().__init__(options)\n"
                "    try: socket.create_connection(('127.0.0.1', 1))\n"
                "    except OSError: pass",
                "making_one_touches_nothing"),
    "Drawing": ("def __init__(self, options): torch.rand(1); super().__init__(options)", "making_one_touches_nothing"),
    "Sociable": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].append(Centred()); return module",
        "one_image_alone_is_a_batch",
    ),
    "Flattening": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].append(Squeezed()); return module",
        "one_image_alone_is_a_batch",
    ),
    "Crowded": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].append(Even()); return module",
        "it_can_be_exported",
    ),
    "Short": ("def build(self, classes): return super().build(classes[:-1])", "it_answers_with_a_logit_a_class[2]"),
    "Whimsical": ("def build(self, classes): torch.seed(); return super().build(classes)", "building_follows_the_seed"),
    "Forgetful": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].insert(0, Calls()); return module",
        "its_state_comes_back_bit_for_bit",
    ),
    "Torn": ("def parts(self, module): return module[0], nn.Sequential(module[1], nn.Softmax(1))",
             "its_parts_compose_to_the_whole"),
    "Flat": ("def parts(self, module): return module[0][:-1], nn.Sequential(nn.Flatten(), module[1])",
             "its_parts_compose_to_the_whole"),
    "Copied": ("def parts(self, module): return copy.deepcopy(module[0]), module[1]", "its_parts_are_of_the_whole"),
    "Headless": ("def parts(self, module): return module, nn.Identity()", "its_parts_are_of_the_whole"),
    "Double": ("def parameter_groups(self, module): return 2 * [ParameterGroup('all', list(module.parameters()))]",
               "its_groups_have_every_parameter_once"),
    "Idle": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module.idle = nn.Parameter(torch.zeros(1)); return module",
        "everything_in_it_trains",
    ),
    "Whole": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].append(Narrow()); return module",
        "it_runs_in_half_precision",
    ),
    "Branching": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].append(Branch()); return module",
        "it_can_be_exported",
    ),
    "Floating": ("def transforms(self, train): return lambda image: image.float()",
                 "transforms_make_images_alike[True]"),
    "Ragged": ("def transforms(self, train): return Same()", "transforms_make_images_alike[False]"),
    "Dicing": ("def transforms(self, train): return Dice(super().transforms(False))",
               "transforms_draw_from_the_global_generator_alone"),
    "Lively": ("def transforms(self, train): return super().transforms(True)",
               "transforms_draw_from_the_global_generator_alone"),
    "Secretive": ("def describe_transforms(self): return {'resize': torch.zeros(1)}",
                  "what_it_tells_of_itself_is_json"),
    "Flatter": ("def normalization(self): return (0, 0, 0), (0, 0, 0)", "what_it_tells_of_itself_is_json"),
    "Learning": ("def _prepare(self, *_): self.seed = getattr(self, 'seed', 0) + 1\n"
                 "def build(self, classes): torch.manual_seed(self.seed); return super().build(classes)",
                 "preparing_again_changes_nothing"),
}  # fmt: skip
MODEL = """
    import copy
    import random
    import socket
    from pathlib import Path

    import pytest
    import torch
    from fledge import ParameterGroup
    from fledge.testing import ModelContract
    from fledge.testing.offers.options import SmallOptions
    from fledge.testing.offers.small import Small
    from torch import nn


    class Calls(nn.Module):
        calls = 0

        def forward(self, features):
            self.calls += self.training
            return features * (1 + self.calls)


    class Centred(nn.Module):
        def forward(self, logits):
            return logits - logits.mean(0)


    class Squeezed(nn.Module):
        def forward(self, logits):
            return logits.squeeze()


    class Even(nn.Module):
        def forward(self, logits):
            return logits if len(logits) > 1 else 2 * logits


    class Narrow(nn.Module):
        def forward(self, logits):
            return logits if logits.dtype == torch.float32 else logits / 0


    class Branch(nn.Module):
        def forward(self, logits):
            return logits if logits.sum().item() > 0 else -logits


    class Same:
        def __call__(self, image):
            return image


    class Dice:
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, image):
            return self.inner(image) ^ random.randint(0, 255)
"""


def test_a_model_that_breaks_a_promise_is_caught(tmp_path: Path) -> None:
    hold(tmp_path, "model", MODEL, MODELS, "Small", "KIND(SmallOptions())")
