"""Spec files, and the command line's words over them."""

import json
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli_w
from fledge import SpecError
from fledge.spec.load import load, parse, parse_assignment
from fledge.spec.run_spec import RunSpec
from fledge.spec.training import TrainingSpec
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.conftest import Fledge

TRAIN = ("--dataset", "dots", "--model", "tiny")


def planned(fledge: "Fledge", *words: str | Path) -> dict[str, Any]:
    spec: dict[str, Any] = fledge("run", *words, "--dry-run", "--json").last["spec"]
    return spec


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[dataset", "run.toml is not TOML: "),
        (b"\xff\xfe", "run.toml cannot be read: "),
        (b"[training]\nepoch = 3", "unknown key training.epoch; did you mean 'epochs'?"),
        (b"experment = 'x'", "unknown key experment; did you mean 'experiment'?"),
        (b"[training]\nepochs = 0", "training.epochs = 0: should be greater than 0"),
        (b"[training]\nmode = 'fine'", "training.mode = 'fine': should be 'finetune', 'head' or 'head+finetune'"),
        (b"[training]\nlr = inf", "training.lr = inf: should be a finite number"),
        (b"[training]\nmode = 'head'\nbackbone_lr = 0.1", "backbone_lr has no effect in mode 'head'"),
        (b"[training]\nmode = 'head'\ncompile = true", "compile has no effect in mode 'head'"),
        (b"[training]\nmode = 'head'\ncuda_graphs = true", "cuda_graphs has no effect in mode 'head'"),
        (b"[training]\nfinetune_lr = 0.1", "finetune_lr has no effect in mode 'finetune'"),
        (b"[training]\nmode = 'head'\nfinetune_epochs = 2", "finetune_epochs has no effect in mode 'head'"),
        (b"[dataset]\nroot = 'photos'", "dataset.name is missing"),
        (b"training = 3", "training = 3: "),
        (b"[script]\npath = 'a.py'\n[training]\nepochs = 1", "leave out training, or leave out script"),
        (b"register = 'x'\n[script]\npath = 'a.py'", "leave out register, or leave out script"),
        (b"experiment = 'a/b'", "experiment = 'a/b': "),
        (
            b"[script]\npath = 'a.py'\nargs = 'it is'",
            "script.args = 'it is': should be a list: --set 'script.args=[\"it is\"]'",
        ),
        (b"[script]\npath = 'a.py'\nargs = {a = 1}", "should be a list: --set 'script.args=[...]'"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load(file)
    assert told in str(caught.value)
    assert str(file) in str(caught.value)
    assert caught.value.exit_status == 2


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpecError, match=r"training\.lr.*training\.batchsize.*'batch_size'"):
        parse({"training": {"lr": -1, "batchsize": 4}}, where="spec")


def test_what_was_said_on_the_command_line_is_no_fault_of_the_file(fledge: "Fledge") -> None:
    name = "a name has 1 to 128 letters (a to z), digits, '.', '_' and '-', and begins with a letter or digit"
    (fledge.folder / "run.toml").write_text("seed = -1\n[training]\nlr = -1\n")
    said = fledge("run", "run.toml", *TRAIN, "--experiment", "a b/c", "--set", "training.epochs=0", status=2).err
    line, of_file = said.splitlines()[0].split("; run.toml: ")
    assert line == f"error: command line: experiment = 'a b/c': {name}; training.epochs = 0: should be greater than 0"
    assert [told.partition(":")[0] for told in of_file.split("; ")] == ["seed = -1", "training.lr = -1"]
    (fledge.folder / "run.toml").write_text("experiment = 'a b/c'\n")
    said = fledge("run", "run.toml", *TRAIN, "--set", "training={epoch = 3}", status=2).err
    assert f"error: run.toml: experiment = 'a b/c': {name}; command line: unknown key training.epoch;" in said


def test_a_file_that_is_not_there(fledge: "Fledge") -> None:
    assert "there is no spec file nowhere.toml" in fledge("run", "nowhere.toml", status=2).err
    assert "is a folder" in fledge("run", ".", status=2).err


def test_a_script_where_a_spec_belongs(fledge: "Fledge") -> None:
    (fledge.folder / "my train.py").write_text("print('hello')\n")
    said = fledge("run", "my train.py", status=2).err
    assert "my train.py is not TOML" in said
    assert "fledge run --script 'my train.py'" in said
    (fledge.folder / "run.toml").write_text("[dataset\n")
    assert "--script" not in fledge("run", "run.toml", status=2).err


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=1", 1),
        ("a.b=1.5e-3", 1.5e-3),
        ("a.b=true", True),
        ("a.b=[1, 2]", [1, 2]),
        ("a.b={c = 1}", {"c": 1}),
        ('a.b="1"', "1"),
        ("a.b=imagenet", "imagenet"),
        ("a.b=../x=y.pth", "../x=y.pth"),
        ("a.b=2026-11-23", "2026-11-23"),
        ("a.b=07:32:00", "07:32:00"),
        ("a.b=1\nc = 2", "1\nc = 2"),
        ("a.b=", ""),
    ],
)
def test_set_reads_toml_or_takes_the_words(text: str, value: object) -> None:
    assert parse_assignment(text) == ("a.b", value)


@pytest.mark.parametrize("text", ["a.b", "=1", "a..b=1", ".a=1"])
def test_set_of_another_form(text: str) -> None:
    with pytest.raises(SpecError, match="not of the form KEY=VALUE"):
        parse_assignment(text)


def test_set_below_a_value(fledge: "Fledge") -> None:
    assert (
        "seed is a value, not a section" in fledge("run", *TRAIN, "--set", "seed=1", "--set", "seed.x=1", status=2).err
    )


def test_an_offers_options_are_checked(fledge: "Fledge") -> None:
    near = fledge("run", *TRAIN, "--set", "dataset.trian=1", "--dry-run", status=2)
    assert "dataset 'dots': unknown key dataset.trian; did you mean 'train'?" in near.err
    wrong = fledge("run", *TRAIN, "--set", "dataset.train=many", "--dry-run", status=2)
    assert "dataset.train = 'many': should be a valid integer" in wrong.err
    missing = fledge("run", *TRAIN, "--tracker", "lines", "--dry-run", status=2)
    assert "trackers.lines.path is missing" in missing.err
    for said, of in ((near, "dataset/dots"), (wrong, "dataset/dots"), (missing, "tracker/lines")):
        # `fledge spec init` knows no plugin's keys.
        assert said.err.splitlines()[-1] == f"  fledge plugins show {of} tells what each option may be"
        assert fledge("plugins", "show", of).out.splitlines()[2].startswith(of.replace("/", " "))
    unknown = fledge("run", "--dataset", "dot", "--model", "tiny", "--dry-run", status=2)
    assert "there is no dataset named 'dot'; did you mean 'dots'?" in unknown.err
    assert "names no dataset and no model" in fledge("run", status=2).err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("optimizer=adamw", "momentum=0.95"),
            "training.momentum = 0.95 has no effect with training.optimizer = 'adamw'",
        ),
        (("step_size=3",), "training.step_size = 3 has no effect with training.schedule = 'cosine'"),
        (("schedule=constant", "gamma=0.5"), "training.gamma = 0.5 has no effect with training.schedule = 'constant'"),
    ],
)
def test_a_key_that_is_set_in_vain_is_refused(fledge: "Fledge", words: tuple[str, ...], told: str) -> None:
    settings = [word for one in words for word in ("--set", f"training.{one}")]
    refused = fledge("run", *TRAIN, *settings, status=2).err
    assert told in refused
    assert "leave it out, or choose training." in refused
    assert not (fledge.home / "runs").exists()


def test_a_key_that_is_set_where_it_has_an_effect_is_taken(fledge: "Fledge") -> None:
    settings = ("schedule=step", "step_size=3", "gamma=0.5", "momentum=0.95")
    plan = planned(fledge, *TRAIN, *(word for one in settings for word in ("--set", f"training.{one}")))
    assert (plan["training"]["gamma"], plan["training"]["momentum"]) == (0.5, 0.95)


def test_a_recorded_spec_with_a_key_in_vain_is_read_as_before(fledge: "Fledge") -> None:
    run = fledge("run", *TRAIN, "--set", "training.epochs=1", "--set", "training.optimizer=adamw", "--json").last["run"]
    kept = fledge.home / "runs" / run
    # Every key is in it, each at its default.
    assert "momentum = 0.9\n" in (kept / "spec.toml").read_text()
    assert planned(fledge, kept / "spec.toml")["training"]["optimizer"] == "adamw"
    # As fledge let it through before.
    plan = json.loads((kept / "plan.json").read_text())
    plan["spec"]["training"]["momentum"] = 0.95
    (kept / "plan.json").write_text(json.dumps(plan))
    assert fledge("rerun", run, "--json").last["state"] == "COMPLETED"
    again = fledge("runs", "show", "latest", "--json").last
    assert again["run"] != run
    assert again["spec"]["training"]["momentum"] == 0.95


def test_relative_paths_belong_to_where_they_are_written(fledge: "Fledge") -> None:
    specs = fledge.folder / "specs"
    specs.mkdir()
    (specs / "a.toml").write_text('dataset.name="dots"\nmodel.name="tiny"\ntrackers.lines.path="x.txt"\n')
    assert planned(fledge, "specs/a.toml")["trackers"]["lines"]["path"] == str(specs / "x.txt")
    over = planned(fledge, "specs/a.toml", "--set", "trackers.lines.path=x.txt")
    assert over["trackers"]["lines"]["path"] == str(fledge.folder / "x.txt")


def test_another_offer_drops_the_options_of_the_first(fledge: "Fledge") -> None:
    (fledge.folder / "a.toml").write_text(
        '[dataset]\nname="imagefolder"\nroot="photos"\n[model]\nname="tiny"\nsize=8\n[launcher]\nprocesses=1\n'
    )
    done = fledge("run", "a.toml", "--dataset", "dots", "--model", "tiny", "--dry-run", "--json")
    assert "note: 'imagefolder' was replaced by 'dots': left out its dataset.root" in done.err
    assert "root" not in done.last["spec"]["dataset"]
    assert done.last["spec"]["model"]["size"] == 8


def test_init_writes_a_spec_that_trains_once_filled_in(fledge: "Fledge") -> None:
    fledge("spec", "init", "new.toml", "--dataset", "dots", "--model", "tiny")
    text = (fledge.folder / "new.toml").read_text()
    written = {line.removeprefix("# ").partition(" = ")[0] for line in text.splitlines()}
    assert written >= set(TrainingSpec.model_fields) | {"train", "noise", "dropout", "processes", "nodes", "seed"}
    # A key that stands behind # has, without it, the value it has anyway.
    freed = [line.removeprefix("# ") for line in text.splitlines() if " = ..." not in line][1:]
    (fledge.folder / "freed.toml").write_text("\n".join(freed))
    assert load(fledge.folder / "freed.toml").training == TrainingSpec()
    before = tomllib.loads(text)
    assert before["training"] == {"mode": "finetune", "epochs": 10, "batch_size": 32}

    (fledge.folder / "new.toml").write_text(text.replace("epochs = 10", "epochs = 1"))
    assert fledge("run", "new.toml", "--json").last["state"] == "COMPLETED"


def test_what_was_not_filled_in_is_refused_before_anything_starts(fledge: "Fledge") -> None:
    fledge("spec", "init", "new.toml", "--model", "tiny")
    for words in ((), ("--dry-run",), ("--check",)):
        refused = fledge("run", "new.toml", *words, status=2).err
        assert f"{fledge.folder / 'new.toml'}: dataset.root is still FILL-IN" in refused
        assert "--set dataset.root=VALUE" in refused
    assert not fledge.home.exists()
    told = planned(fledge, "new.toml", "--set", "dataset.root=photos")
    assert told["dataset"]["root"] == str(fledge.folder / "photos")
    assert planned(fledge, "new.toml", "--dataset", "dots")["dataset"]["name"] == "dots"


def test_init_overwrites_nothing(fledge: "Fledge") -> None:
    file = fledge.folder / "mine.toml"
    file.write_text("precious")
    done = fledge("spec", "init", "mine.toml", "--dataset", "dots", "--model", "tiny", status=2)
    assert "mine.toml is there already" in done.err
    assert file.read_text() == "precious"


def test_the_schema_knows_every_installed_offer(fledge: "Fledge") -> None:
    schema = json.loads(fledge("spec", "schema").out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    by_name = {
        variant["properties"]["name"]["const"]: variant
        for section in ("dataset", "model", "backend", "launcher")
        for variant in schema["properties"][section]["anyOf"]
    }
    assert {"dots", "tiny", "local", "single"} <= set(by_name)
    assert set(by_name["dots"]["properties"]) == {"name", "train", "val", "noise", "broken"}
    assert by_name["dots"]["additionalProperties"] is False
    assert "processes" in by_name["single"]["properties"]
    assert "path" in schema["properties"]["trackers"]["properties"]["lines"]["required"]
    assert "stamp" in schema["properties"]["extensions"]["properties"]
    references = {line.split('"')[3] for line in json.dumps(schema, indent=1).splitlines() if '"$ref"' in line}
    assert all(ref.removeprefix("#/$defs/") in schema["$defs"] for ref in references)


positive = st.floats(min_value=1e-9, max_value=1e9)
values = st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
options = st.dictionaries(st.text(min_size=1).filter(lambda key: key != "name"), values, max_size=3)
choices = st.builds(lambda name, rest: {**rest, "name": name}, st.text(min_size=1), options)
trainings = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["finetune", "head", "head+finetune"]),
        "epochs": st.integers(1, 10**6),
        "lr": positive,
        "schedule": st.sampled_from(["constant", "step", "cosine"]),
        "class_weights": st.just("balanced") | st.dictionaries(st.text(), positive, max_size=3),
        "clip_grad_norm": positive,
        "workers": st.just("auto") | st.integers(0, 64),
    },
)
specs = st.fixed_dictionaries(
    {"dataset": choices, "model": choices},
    optional={
        "experiment": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
        "seed": st.integers(0, 2**63 - 1),
        "training": trainings,
        "trackers": st.dictionaries(st.text(), options, max_size=2),
    },
)
scripts = st.fixed_dictionaries(
    {"script": st.fixed_dictionaries({"path": st.just("a b.py")}, optional={"args": st.lists(st.text())})}
)


@given(specs | scripts)
def test_a_spec_survives_toml(told: dict[str, Any]) -> None:
    spec = parse(told, where="drawn")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "spec.toml"
        file.write_text(tomli_w.dumps(spec.to_dict()), encoding="utf-8")
        again = load(file)
    assert again.to_dict() == spec.to_dict()
    assert again.model_dump(exclude_unset=False) == RunSpec.model_validate(spec.to_dict()).model_dump()
