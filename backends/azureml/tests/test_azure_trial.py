"""The node program as a trial of a sweep that the service makes: what it is told, and where it keeps."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from azure_upload import FIRST, PYTORCH, RUN_DIR, Rank, run, until, upload
from fledge_azureml_node.layout import FILES
from fledge_azureml_node.trial import Trial
from fledge_azureml_node.trouble import NotReadyError

WANTED = {
    "training_lr": {"key": "training.lr", "whole": False},
    "training_batch_size": {"key": "training.batch_size", "whole": True},
}
WORDS = ("--training_lr", "-1e-05", "--training_batch_size", "32.0")
TOLD = {"training.lr": "-1e-05", "training.batch_size": "32"}
# As the service's machines have it.
NAMED = {"AZUREML_RUN_ID": "sweep_3"}
_SPEAKS = RUN_DIR + (
    "(run / 'outputs' / 'egg').write_text('white')\nprint(os.environ['FLEDGE_RUN_ID'], *sys.argv[1:], sep='|')"
)


def trial(folder: Path, code: str = _SPEAKS, **job: Any) -> Path:
    """The upload of a sweep's job, which executes the code with words that stand for values."""
    argv = ["python", "-c", code, "training.lr={{training.lr}}", "--size={{training.batch_size}},{{other}}"]
    return upload(folder, argv=argv, values=WANTED, **job)


def told(folder: Path, name: str) -> Any:
    return json.loads((folder / "outputs" / name).read_text())


# -- values


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (WORDS, TOLD),
        (("--training_lr=-1e-05", "--training_batch_size=32"), TOLD),
        (("--training_lr", "1", *WORDS), TOLD),
        (("--training_batch_size", "3.2E1", "--training_lr", "a=b c"), TOLD | {"training.lr": "a=b c"}),
        (("--training_batch_size", "31.99999999", "--training_lr", ""), TOLD | {"training.lr": ""}),
        (("--training_batch_size", "9007199254740993", "--training_lr=--training_lr"),
         {"training.batch_size": "9007199254740993", "training.lr": "--training_lr"}),
    ],
)  # fmt: skip
def test_a_value_is_taken_as_it_was_told_and_a_whole_one_made_whole(
    words: tuple[str, ...], values: dict[str, str]
) -> None:
    assert Trial.of(words, WANTED).values == values


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), r"told no value of training\.lr, training\.batch_size: the words were \[\]"),
        (WORDS[:2], r"told no value of training\.batch_size: the words were \['--training_lr', '-1e-05'\]"),
        (WORDS[:3], r"told no value of training\.batch_size: it ends with --training_batch_size"),
        ((*WORDS, "--seed", "1"), "told '--seed', which is no value of this sweep"),
        ((*WORDS, "more"), "told 'more', which is no value of this sweep"),
        (("training_lr", "1"), "told 'training_lr', which is no value of this sweep"),
        ((*WORDS, "--training_batch_size", "32.5"), r"told 32\.5 of training\.batch_size, which is to be a whole"),
        ((*WORDS, "--training_batch_size", "inf"), r"told inf of training\.batch_size, which is to be a whole"),
        ((*WORDS, "--training_batch_size", "many"), r"told many of training\.batch_size, which is to be a whole"),
    ],
)
def test_what_was_told_wrongly_is_said_in_words(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(NotReadyError, match=message):
        Trial.of(words, WANTED)


def test_a_value_that_looks_like_another_ones_place_is_left_alone() -> None:
    assert Trial({"a": "{{b}}", "b": "{{a}}"}).argv(["{{a}}{{b}}", "{{c}} {{ {{a}}"]) == [
        "{{b}}{{a}}",
        "{{c}} {{ {{b}}",
    ]


# -- the job


@pytest.mark.parametrize("command", [("-m", "fledge_azureml_node"), ("fledge_azureml_node/script.py",)])
def test_a_trial_has_its_values_its_name_and_a_folder_of_its_own(tmp_path: Path, command: tuple[str, ...]) -> None:
    folder, kept = trial(tmp_path / "code"), tmp_path / "kept"
    rank = Rank.start(folder, NAMED, kept=kept, words=WORDS, command=command)
    assert rank.ended() == 0, rank.said()
    assert rank.said() == "sweep_3|training.lr=-1e-05|--size=32,{{other}}\n"
    assert told(folder, "trial.json") == {"values": TOLD}
    assert told(folder, "ended-0.json")["code"] == 0
    assert (kept / "sweep_3" / FILES / "outputs" / "egg").read_text() == "white"
    assert [path.name for path in kept.iterdir()] == ["sweep_3"]


def test_what_is_imported_lies_beside_the_program_however_it_is_started(tmp_path: Path) -> None:
    folder = trial(tmp_path / "code")
    # Whoever starts a file has its folder come first.
    (folder / "fledge_azureml_node" / "json.py").write_text("raise SystemExit('not this one')")
    words = [sys.executable, "fledge_azureml_node/script.py", "--help"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--kept" in done.stdout


def test_a_trial_goes_on_where_its_machine_was_taken_away(tmp_path: Path) -> None:
    code = RUN_DIR + "egg = run / 'outputs' / 'egg'\nprint(egg.exists())\negg.touch()"
    said = [
        run(trial(tmp_path / f"code-{number}", code), {"AZUREML_RUN_ID": name}, kept=tmp_path / "kept", words=WORDS)
        for number, name in enumerate(("sweep_3", "sweep_4", "sweep_3"))
    ]
    assert said == [(0, "False\n"), (0, "False\n"), (0, "True\n")]


def test_a_trial_is_asked_by_a_person_in_its_own_folder(tmp_path: Path) -> None:
    code = RUN_DIR + (
        "def end(*_):\n    print((run / 'canceled').exists(), flush=True)\n    sys.exit(75)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\ntime.sleep(600)"
    )
    folder, kept = trial(tmp_path / "code", code), tmp_path / "kept"
    (kept / "sweep_3").mkdir(parents=True)
    (kept / "sweep_3" / "canceled-sweep_3").touch()
    rank = Rank.start(folder, NAMED, kept=kept, words=WORDS)
    until(lambda: "up" in rank.said())
    rank.process.terminate()
    assert rank.ended() == 75
    assert rank.said() == "up\nTrue\n"


def test_each_rank_has_the_values_and_the_first_one_tells_them(tmp_path: Path) -> None:
    folder = trial(tmp_path / "code", processes_per_node=2)
    ranks = [
        Rank.start(folder, NAMED | variables, number=number, words=WORDS)
        for number, variables in enumerate((FIRST | {"RANK": "0"}, PYTORCH | {"RANK": "1"}))
    ]
    assert [rank.ended() for rank in ranks] == [0, 0]
    assert [rank.said() for rank in ranks] == ["sweep_3|training.lr=-1e-05|--size=32,{{other}}\n"] * 2
    assert told(folder, "trial.json") == {"values": TOLD}


def test_what_a_trial_was_given_is_known_though_it_never_begins(tmp_path: Path) -> None:
    folder = trial(tmp_path / "code", requirements=["fledge-nobody-has-this==1.0"])
    assert run(folder, NAMED | {"PIP_NO_INDEX": "1"}, words=WORDS)[0] == 1
    assert told(folder, "trial.json") == {"values": TOLD}
    assert "lacks fledge-nobody-has-this" in told(folder, "ended-0.json")["reason"]


def test_a_trial_without_its_values_does_not_begin(tmp_path: Path) -> None:
    folder = trial(tmp_path / "code")
    words = "the service has told no value of training.batch_size: the words were ['--training_lr', '0.1']"
    assert run(folder, NAMED, words=("--training_lr", "0.1")) == (1, f"error: {words}\n")
    assert told(folder, "ended-0.json") == {"code": 1, "asked": False, "reason": words}
    assert not (folder / "outputs" / "trial.json").exists()


def test_a_trial_that_cannot_tell_its_values_does_not_begin(tmp_path: Path) -> None:
    folder = trial(tmp_path / "code")
    # In the way of what it would leave.
    (folder / "outputs" / "trial.json").mkdir(parents=True)
    status, said = run(folder, NAMED, words=WORDS)
    assert status == 1
    assert said.startswith("error: what values this trial has cannot be told: ")


def test_a_job_of_no_sweep_has_no_values(tmp_path: Path) -> None:
    folder = upload(tmp_path / "code", "print('begins')")
    said = "error: the service has told '--training_lr', which is no value of this sweep\n"
    assert run(folder, words=WORDS) == (1, said)
    assert run(folder) == (0, "begins\n")
    assert not (folder / "outputs" / "trial.json").exists()
