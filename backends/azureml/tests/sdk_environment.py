"""python sdk_environment.py FOLDER v1|v2|serving [PIP WORDS]: an environment with an SDK, fledge and its Azure ML
backend; or that of a deployment, in which fledge travels.

Without torch: who submits trains nothing. One that is there already is brought up to date.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
MEMBER = ROOT / "backends" / "azureml"
# The contract's tests call the backend where the SDK is.
_TESTS = ("hypothesis>=6.100", "pytest>=8.3", "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hatchling", "editables")
# The backend that every test has beside it, and what it plans a training with.
_BESIDES = [ROOT / place for place in ("backends/local", "plugins/imagefolder", "plugins/onnx", "plugins/resnet")]
_TRAINING = ("torch", "safetensors")
# Sweeps keep their books with it.
_MORE = ("optuna>=5",)
# What fledge_azureml.deployment asks of an image.
_SERVING = ("azureml-inference-server-http>=1.5", "onnxruntime>=1.20")


def main() -> None:
    folder, sdk, *words = sys.argv[1:]
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    constraints = ["--constraint", str(MEMBER / "tests" / f"constraints-{sdk}.txt")]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words]
    if sdk == "serving":
        subprocess.run([*pip, *constraints, *_served()], check=True)
        return
    subprocess.run([*pip, *constraints, *_wanted(sdk), *_TESTS, *_MORE], check=True)
    own = [word for place in (ROOT, MEMBER, *_BESIDES) for word in ("--editable", str(place))]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", *own], check=True)


def _wanted(sdk: str) -> list[str]:
    core, member = (tomllib.loads((place / "pyproject.toml").read_text())["project"] for place in (ROOT, MEMBER))
    told = [*core["dependencies"], *member["dependencies"], *member["optional-dependencies"][sdk]]
    return [line for line in told if not line.startswith((*_TRAINING, "fledge>"))]


def _served() -> list[str]:
    core = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = [*core["dependencies"], *core["optional-dependencies"]["serve"], *_SERVING]
    return [line for line in told if not line.startswith(_TRAINING)]


if __name__ == "__main__":
    main()
