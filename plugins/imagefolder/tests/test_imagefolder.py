import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_a_relative_root_is_relative_to_the_spec_file(tmp_path: Path) -> None:
    for kind, colour in (("ants", "red"), ("bees", "blue")):
        for at in range(5):
            path = tmp_path / "specs" / "photos" / kind / f"{at}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40 + at, 40), colour).save(path)
    spec = tmp_path / "specs" / "run.toml"
    spec.write_text('[dataset]\nname = "imagefolder"\nroot = "photos"\n[model]\nname = "resnet18"\nweights = "none"\n')
    done = subprocess.run(
        [sys.executable, "-m", "fledge", "run", str(spec), "--dry-run", "--json"],
        cwd=tmp_path,
        env={**os.environ, "FLEDGE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    dataset = json.loads(done.stdout)["spec"]["dataset"]
    assert dataset["root"] == str((tmp_path / "specs" / "photos").resolve())
    assert dataset["on_error"] == "fail"
