"""`fledge report`: what a run came to, on one page."""

import base64
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fledge.predictions import FILE, Predictions
from fledge.reporting.reading import MOST_SERIES, Reading
from fledge.reporting.series import Series
from fledge.runs.journal import Journal
from PIL import Image

from tests.browser import browser

if TYPE_CHECKING:
    from tests.conftest import Fledge

SETTINGS = ("training.epochs=3", "training.lr=0.1", "dataset.noise=2.5", "dataset.val=20", "model.size=8")
HOSTILE = "<script>alert('x')</script>&\"'$x^2$ \udcff"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with one run that trained, exported and was profiled, registered as dots/1."""
    fledge = fledge_in(tmp_path_factory.mktemp("report") / "work")
    words = [word for one in SETTINGS for word in ("--set", one)]
    chosen = ("--dataset", "dots", "--model", "tiny", "--with", "onnx", "--profile")
    fledge("run", *chosen, *words, "--set", "register=dots")
    return fledge


@pytest.fixture(scope="module")
def folder(house: "Fledge") -> Path:
    (found,) = (house.home / "runs").iterdir()
    return found


@pytest.fixture(scope="module")
def page(house: "Fledge", folder: Path) -> str:
    path = house.folder / f"report-{folder.name}.html"
    assert house("report", "latest").out == f"{path.name}\n"
    return path.read_text()


def scripted(fledge: "Fledge", code: str, *words: str, status: int = 0) -> Path:
    """The folder of a script's run."""
    (fledge.folder / "s.py").write_text(code)
    run = fledge("run", "--script", "s.py", "--json", *words, status=status).last["run"]
    return fledge.home / "runs" / str(run)


def sections(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_what_a_training_leaves_is_what_its_best_model_said(folder: Path) -> None:
    said, card = Predictions.read(folder / "outputs"), json.loads((folder / "outputs" / "best.json").read_text())
    assert said is not None
    assert said.epoch == card["epoch"]
    assert said.names == [f"val/{label}/{at}" for label in (0, 1) for at in range(20)]
    assert said.labels == [0] * 20 + [1] * 20
    hits = [row[0] == label for row, label in zip(said.top, said.labels, strict=True)]
    assert sum(hits) / 40 == card["metrics"]["val_accuracy"] < 1
    assert np.mean(said.losses) == pytest.approx(card["metrics"]["val_loss"], rel=1e-5)
    for label, loss, top, shares in zip(said.labels, said.losses, said.top, said.shares, strict=True):
        assert dict(zip(top, shares, strict=True))[label] == pytest.approx(np.exp(-loss), rel=1e-4)
        assert shares[0] >= shares[1]
    wrong, unsure = said.most_wrong(), said.least_sure()
    assert len(unsure) == 12
    assert not any(hits[row] for row in wrong)
    assert [said.losses[row] for row in wrong] == sorted((said.losses[row] for row in wrong), reverse=True)
    assert max(said.margin(row) for row in unsure) <= min(said.margin(row) for row in set(range(40)) - set(unsure))
    assert set(said.photos) == {*wrong, *unsure}
    for photo in said.photos.values():
        with Image.open(io.BytesIO(base64.b64decode(photo))) as image:
            assert (image.format, image.size) == ("JPEG", (24, 20))


def test_the_page_has_it_all(page: str, folder: Path) -> None:
    headings = ["Curves", "Confusion matrix", "Classes", "Most wrong", "Least sure", "Exports", "Time", "Lineage"]
    assert sections(page) == ["Overview", *headings]
    said = Predictions.read(folder / "outputs")
    assert said is not None
    plain = re.sub(r"<[^>]+>", " ", page)
    for label in (0, 1):
        of = [row[0] for row, one in zip(said.top, said.labels, strict=True) if one == label]
        counts = [of.count(taken) for taken in (0, 1)]
        cells = r"\s+".join(rf"{count}\s+{count / 20:.1%}" for count in counts)
        assert re.search(rf"{('red', 'blue')[label]}\s+{cells}", plain), plain
    assert page.count("<img ") == len(said.most_wrong()) + len(said.least_sure())
    assert "model.onnx answers as the model does" in plain
    proof = json.loads((folder / "outputs" / "model.onnx.parity.json").read_text())
    mine, others = (f"{1000 * proof['seconds'][side] / 40:.3g}" for side in ("exported", "pytorch"))
    assert re.search(rf"\s{re.escape(mine)}\s+{re.escape(others)}\s+0\.0 MB", plain), plain
    for told in ("COMPLETED", "dots/1", "start-up", "forward", "dataset.fingerprint", "training.lr", "sha256"):
        assert told in plain, told
    for name in ("loss", "accuracy", "accuracy of each", "lr", "images_per_second"):
        assert f"<figcaption><b>{'val_' if 'each' in name else ''}{name}</b>" in page, name
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "<script" not in page


_TOLD = """
const colours = [...document.querySelectorAll("svg text, svg path")].map((one) => getComputedStyle(one));
return { width: [innerWidth, document.documentElement.scrollWidth], text: getComputedStyle(document.body).color,
  ground: getComputedStyle(document.body).backgroundColor,
  drawn: [...new Set(colours.flatMap((one) => [one.fill, one.stroke]))].sort(),
  elsewhere: performance.getEntriesByType("resource").map((one) => one.name)
    .filter((name) => !name.startsWith("data:")),
  unnamed: [...document.querySelectorAll("img:not([alt]), svg:not([aria-label])")].length,
  broken: [...document.querySelectorAll("img")].filter((one) => !one.naturalWidth).length,
  tables: [...document.querySelectorAll("table")].every((one) => one.querySelector("thead th[scope=col]")) };
"""


def test_a_browser_shows_it_on_a_phone_and_in_the_dark(house: "Fledge", page: str, tmp_path: Path) -> None:
    with browser() as person:
        person.open((house.folder / house("report", "latest").out.strip()).as_uri())
        light = person.run(_TOLD)
        person.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        person.command("Emulation.setDeviceMetricsOverride", width=375, height=800, deviceScaleFactor=2, mobile=True)
        dark = person.run(_TOLD)
        assert person.complaints() == []
        picture = person.command("Page.captureScreenshot", captureBeyondViewport=True)["data"]
    (tmp_path / "phone.png").write_bytes(base64.b64decode(picture))
    assert dark["width"] == [375, 375]
    assert light["width"][0] >= light["width"][1]
    assert dark["text"] != light["text"]
    assert dark["ground"] != light["ground"]
    assert dark["drawn"] != light["drawn"]
    for told in (light, dark):
        assert (told["elsewhere"], told["unnamed"], told["broken"], told["tables"]) == ([], 0, 0, True)
        assert told["text"] in told["drawn"] or len(told["drawn"]) > 2


def test_text_of_strangers_stays_text(fledge: "Fledge") -> None:
    run = scripted(fledge, "import fledge; fledge.log(step=1, **{'<b>loss</b>': 1.0})")
    told = json.loads((run / "state.json").read_text())
    (run / "state.json").write_text(json.dumps({**told, "experiment": HOSTILE, "error": HOSTILE}))
    said = Predictions(
        2, [HOSTILE, "b"], [HOSTILE, "x"], [0, 1], [3.0, 0.1], [[1, 0], [1, 0]], [[0.95, 0.05], [0.9, 0.1]]
    )
    (run / "outputs" / FILE).write_text(said.with_photos({0: '"><script>'}).to_json())
    journal = Journal(run)
    journal.write("warning", message=HOSTILE)
    journal.write("params", values={HOSTILE: HOSTILE, "classes": [HOSTILE]})
    journal.write("lineage", git={"commit": HOSTILE, "dirty": True}, packages={HOSTILE: "1"}, overrides=[HOSTILE])
    journal.close()
    fledge("report", "latest", "-o", "page.html")
    page = (fledge.folder / "page.html").read_bytes().decode()
    assert "<script" not in page
    assert "<b>loss" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&#34;&#39;$x^2$ \\udcff") > 10
    assert "git.commit" in page


def test_a_run_that_failed_says_so(fledge: "Fledge") -> None:
    code = "import fledge\nfledge.log(step=1, loss=2.0)\nprint('so far so good')\nraise SystemExit(3)"
    scripted(fledge, code, status=1)
    assert fledge("report", "latest", "--json").last["path"].startswith("report-")
    (page,) = (path.read_text() for path in fledge.folder.glob("report-*.html"))
    assert "FAILED" in page
    assert "s.py ended with exit status 3" in page
    assert "so far so good" in page
    assert "loss" in page
    assert sections(page) == ["Overview", "Curves", "Time", "Lineage"]


def test_a_run_that_goes_on_says_so(fledge: "Fledge") -> None:
    code = "import time, fledge\nfledge.log(step=1, loss=2.0)\nprint('told', flush=True)\ntime.sleep(600)"
    (fledge.folder / "s.py").write_text(code)
    run = fledge("run", "--script", "s.py", "--detach").out.strip()
    while "told" not in fledge("runs", "logs", run).out:
        pass
    fledge("report", run, "-o", "page.html")
    page = (fledge.folder / "page.html").read_text()
    fledge("runs", "cancel", run)
    assert "RUNNING" in page
    assert "The run has not ended" in page
    assert "at the end: loss 2" in page


def test_several_runs_are_laid_over_each_other(fledge: "Fledge") -> None:
    for name, lr in (("slow", 0.1), ("quick", 0.5)):
        scripted(
            fledge, f"import fledge\nfor at in range(9): fledge.log(step=at, loss=9 - {lr} * at)", "--experiment", name
        )
    first, second = (path.name for path in sorted((fledge.home / "runs").iterdir()))
    assert fledge("report", first, second, first).out == "report.html\n"
    page = (fledge.folder / "report.html").read_text()
    assert sections(page)[:2] == ["Side by side", "Curves"]
    assert page.count('role="img"') == 1 + 2
    assert re.findall("<nav.*</nav>", page, re.DOTALL)[0].count("<a ") == 4
    for told in (
        f"slow {first}",
        f"quick {second}",
        '<th scope="row">loss</th><td>8.2</td><td>5</td>',
        '<th scope="row">experiment</th><td>slow</td><td>quick</td>',
    ):
        assert told in page, told
    assert 'class="c0"' in page
    assert "var(--c1)" in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("latest", "-o", "nowhere/page.html"), "there is no folder nowhere"),
        (("latest", "-o", "."), ". is a folder"),
        (("2001",), "there is no run named '2001'"),
        ((), "Missing argument 'RUN...'"),
    ],
)
def test_a_mistake_is_a_sentence(house: "Fledge", words: tuple[str, ...], says: str) -> None:
    assert says in house("report", *words, status=2).err


def test_without_the_extra_it_says_what_to_install(house: "Fledge", tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError('none', name='matplotlib')")
    told = house("report", "latest", status=2, PYTHONPATH=f"{tmp_path}:{house.environment['PYTHONPATH']}").err
    assert "a report needs matplotlib\n  in fledge's checkout: pip install -e '.[report]'" in told


def test_damage_is_told_and_the_rest_is_shown(fledge: "Fledge", folder: Path) -> None:
    run = scripted(fledge, "import fledge; fledge.log(step=1, loss=1.0)")
    (run / "outputs" / FILE).write_text('{"format": 1, "epoch": 1')
    (run / "outputs" / "model-int8.onnx.parity.json").write_text("[]")
    shutil.copy(folder / "outputs" / "model.onnx.parity.json", run / "outputs")
    (run / "outputs" / "model.onnx").write_bytes(b"another")
    told = fledge("report", "latest", "-o", "page.html").err
    page = (fledge.folder / "page.html").read_text()
    for name in (FILE, "model-int8.onnx.parity.json", "the certificate of model.onnx is one of other bytes"):
        assert name in told
        assert name in page
    assert "loss" in page


def lines(*events: dict[str, Any]) -> str:
    return "".join(json.dumps({"time": "2026-11-27T00:00:00+00:00", **event}) + "\n" for event in events)


def metrics(at: int, **values: object) -> dict[str, Any]:
    return {"event": "metrics", "values": values, "step": at}


def read(folder: Path, text: str) -> Reading:
    (folder / "journal.jsonl").write_text(text)
    reading = Reading(folder)
    reading.update()
    return reading


def points(reading: Reading, name: str, axis: str = "step") -> list[tuple[float, float]]:
    x, y = reading.series[name, axis].points()
    return list(zip(x.tolist(), y.tolist(), strict=True))


def test_of_many_points_the_outline_stays(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=50_000)
    y[23_456], y[23_457] = 99.0, -99.0
    reading = read(tmp_path, lines(*(metrics(at, loss=value) for at, value in enumerate(y.tolist()))))
    x, kept = reading.series["loss", "step"].points()
    assert len(x) <= 4 * 513
    assert reading.series["loss", "step"].count == 50_000
    assert np.array_equal(y[x.astype(int)], kept)
    # The columns that a picture has: each keeps its first, last, lowest and highest point.
    for start in range(0, 50_000, 128):
        there = (x >= start) & (x < start + 128)
        part = y[start : start + 128]
        assert (kept[there].min(), kept[there].max()) == (part.min(), part.max())
        assert (kept[there][0], kept[there][-1]) == (part[0], part[-1])


def test_a_torn_line_and_words_for_numbers(tmp_path: Path) -> None:
    torn = '{"time": "x", "event": "metrics", "values": {"loss": 1\n'
    values = [1.0, "nan", "inf", "-inf", 5, True, None, "word"]
    reading = read(
        tmp_path, torn + lines(*(metrics(at, loss=value) for at, value in enumerate(values))) + torn + torn[:-1]
    )
    assert points(reading, "loss") == [(0, 1.0), (4, 5.0), (5, 1.0)]
    assert reading.series["loss", "step"].odd == 5
    # The rest of the last line comes later.
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('}, "step": 9}\n')
    assert reading.update()
    assert not reading.update()
    assert points(reading, "loss")[-1] == (9, 1.0)


def test_of_two_events_for_one_step_the_later_holds(tmp_path: Path) -> None:
    began = {"event": "state", "state": "PREPARING"}
    told = [metrics(at, loss=float(at)) for at in range(6)]
    again = [metrics(at, loss=-float(at)) for at in range(3, 5)]
    reading = read(tmp_path, lines(began, *told, began, *again, metrics(4, loss=-40.0)))
    # What was reached before the restart, and not again since, is no part of the run.
    assert points(reading, "loss") == [(0, 0.0), (1, 1.0), (2, 2.0), (3, -3.0), (4, -40.0)]


def test_ranks_that_log_a_step_each_in_its_time_lose_nothing(tmp_path: Path) -> None:
    told = [metrics(at, loss=float(at)) for at in (1, 3, 2, 4, 3)]
    assert points(read(tmp_path, lines(*told)), "loss") == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]


def plainly(told: list[dict[str, Any]]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """The points of each series, taken from one event after another."""
    found: dict[tuple[str, str], dict[float, float]] = {}
    again: set[tuple[str, str]] = set()
    for event in told:
        if event["event"] == "state":
            again = set(found)
        axis = "step" if "step" in event else "epoch"
        for name, value in event.get("values", {}).items():
            series = found.setdefault((name, axis), {})
            if (name, axis) in again:
                again.remove((name, axis))
                for at in [at for at in series if at >= event[axis]]:
                    del series[at]
            if np.isfinite(float(value)):
                series[event[axis]] = float(value)
    return {key: sorted(series.items()) for key, series in found.items()}


def test_lines_of_one_shape_are_read_as_any_others(tmp_path: Path) -> None:
    odd = [
        {"event": "heartbeat"},
        {"event": "warning", "message": "x"},
        metrics(150, loss="nan"),
        metrics(151, loss=-1.5e-7, acc=0.25),
        metrics(152, **{'na"me\\.': 2}),
        {"event": "metrics", "values": {"loss": 7.0}, "epoch": 3},
        {"event": "metrics", "values": {"val_loss": 7.0}, "epoch": 3},
        metrics(12, loss=5.0),
        {"event": "state", "state": "PREPARING"},
        metrics(90, loss=90.5),
    ]
    # As many as are worth it, each kind of another line once among them, and all of them.
    again = [odd[-2], metrics(80, loss=-1.0)]
    for extra in [[], *([one] for one in odd), again, odd]:
        told = [one for at in range(200) for one in (metrics(at, loss=at / 7), metrics(at, acc=1 / (at + 1)))]
        told[170:170] = extra
        reading = read(tmp_path, lines(*told))
        found = {(name, axis): points(reading, name, axis) for name, axis in reading.series}
        assert found == plainly(told), extra


def test_points_without_a_step_and_names_without_end(tmp_path: Path) -> None:
    plain = [{"event": "metrics", "values": {"loss": 0.5}}] * 3
    names = [metrics(at, **{f"loss_{at}": 1.0}) for at in range(MOST_SERIES + 9)]
    reading = read(tmp_path, lines(*plain, *names))
    assert points(reading, "loss", "point") == [(0, 0.5), (1, 0.5), (2, 0.5)]
    assert (len(reading.series), reading.left_out) == (MOST_SERIES, 10)


def test_memory_stays_bounded() -> None:
    series = Series()
    for at in range(300_000):
        series.xs.append(at)
        series.ys.append(at % 7)
        if at % 10_000 == 0:
            series.rest()
            assert len(series.xs) <= 1 << 16
    assert len(series.points()[0]) <= 4 * 513


@pytest.fixture
def many_classes(fledge: "Fledge") -> Path:
    run = scripted(fledge, "import fledge; fledge.log(step=1, loss=1.0)")
    names = [f"class {at}" for at in range(300)]
    labels = list(range(300)) * 2
    top = [[label if at < 300 or label else 7, (label + 1) % 300] for at, label in enumerate(labels)]
    said = Predictions(1, names, [f"{at}.png" for at in range(600)], labels, [1.0] * 600, top, [[0.9, 0.1]] * 600)
    (run / "outputs" / FILE).write_text(said.to_json())
    return run


def test_of_many_classes_the_pairs_and_the_lowest_are_told(fledge: "Fledge", many_classes: Path) -> None:
    fledge("report", many_classes.name, "-o", "page.html")
    page = (fledge.folder / "page.html").read_text()
    assert '<th scope="row">class 0</th><th scope="row">class 7</th><td>1</td><td>50.0%</td>' in page
    assert "Of 300 classes, the 50 with the lowest F1" in page
    assert "Confusion matrix of 300 classes; 99.8% on its diagonal" in page
    assert len(page) < 60_000
