"""The station install: a clean virtual environment, ``pip install .``, wafers classified."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import edge
from tests.support.cli import TIMEOUT, environment, parse_lines, wm_edge
from tests.support.wafers import write_bad, write_good

ROOT = Path(edge.__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "runs", "tests", "demo-out"
)
MAX_BYTES = 300 * 10**6

#: What every virtual environment holds from its birth.
ITS_OWN = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}

#: What pip says where no package index answers.
OFFLINE = (
    "No matching distribution found",
    "Could not find a version",
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Read timed out",
)


class Station:
    """A virtual environment with nothing but the station install."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment; its Python sees no other."""
        program, *rest = map(str, arguments)
        env = environment(PATH=f"{self.bin}:/usr/bin:/bin")
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
            env.pop(name, None)
        return subprocess.run(
            [str(self.bin / program), *rest],
            env=env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=2 * TIMEOUT,
            check=False,
        )

    def size(self) -> int:
        """Bytes of everything that the install brought, compiled modules included."""
        files = [path for path in self.folder.glob("lib/**/site-packages/**/*") if path.is_file()]
        brought = [path for path in files if path.relative_to(self.folder).parts[3] not in ITS_OWN]
        return sum(path.lstat().st_size for path in brought)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    folder = tmp_path_factory.mktemp("station")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=LEFT_OUT)
    environment_folder = folder / "venv"
    _make_environment(environment_folder)
    made = Station(environment_folder)
    done = made.run("python", "-m", "pip", "install", "--quiet", source)
    if done.returncode and any(sign in done.stderr for sign in OFFLINE):
        pytest.skip(f"no package index can be reached: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
    return made


def _make_environment(folder: Path) -> None:
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except subprocess.CalledProcessError:  # Debian without python3-venv
        venv.create(folder, with_pip=False, symlinks=True, clear=True)
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
        subprocess.run([*pip, "install", "--quiet", "pip"], check=True, timeout=TIMEOUT)


def test_no_tensorflow_and_a_clean_bill_of_pip(station: Station) -> None:
    done = station.run("python", "-m", "pip", "list", "--format", "json")
    names = {entry["name"].lower() for entry in json.loads(done.stdout)}
    assert {"wm-edge", "numpy", "opencv-python-headless", "click"} <= names
    assert not names & {"tensorflow", "tensorflow-cpu", "keras", "matplotlib", "pandas"}
    done = station.run("python", "-m", "pip", "check")
    assert done.returncode == 0, done.stdout


def test_under_300_megabytes(station: Station) -> None:
    assert station.size() < MAX_BYTES


def test_the_station_works(station: Station, tmp_path: Path) -> None:
    write_good(tmp_path / "wafers")
    write_bad(tmp_path / "wafers")
    done = station.run("wm-edge", "classify", tmp_path / "wafers")
    records = parse_lines(done.stdout.encode())
    assert done.returncode == 1
    assert {record["model"].partition("@")[0] for record in records if "model" in record}
    assert {"pattern" in record for record in records} == {True, False}
    code = "import sys, wm_edge; print(repr(wm_edge.classify(sys.argv[1])))"
    done = station.run("python", "-c", code, write_good(tmp_path / "one")[0])
    assert done.stdout.startswith("<Prediction "), done.stderr
    for verb in ("info", "doctor"):
        done = station.run("wm-edge", verb)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_sample_wafers(station: Station) -> None:
    samples = ROOT / "samples"
    if not samples.is_dir():
        pytest.skip("no folder with sample wafers in this checkout")
    done = station.run("wm-edge", "classify", samples)
    records = parse_lines(done.stdout.encode())
    assert done.returncode in {0, 1}
    assert len({record["pattern"] for record in records if "pattern" in record}) >= 5


def test_wafers_can_be_made_at_the_station(station: Station, tmp_path: Path) -> None:
    """The generator needs no more than the station has: demonstrations work everywhere."""
    arguments = ("--per-class", "1", "--out", tmp_path / "made")
    done = station.run("wm-edge", "dataset", "synth", *arguments)
    assert done.returncode == 0, done.stderr
    done = station.run("wm-edge", "classify", tmp_path / "made")
    assert (done.returncode, done.stdout.count("\n")) == (0, 9)


def test_firmware_is_written_from_sources_that_are_no_package(
    station: Station, tmp_path: Path
) -> None:
    """The same files as from this checkout, to the byte."""
    done = station.run("wm-edge", "export-firmware", tmp_path / "installed")
    assert done.returncode == 0, done.stderr
    assert wm_edge("export-firmware", tmp_path / "checkout").code == 0
    assert _files(tmp_path / "installed") == _files(tmp_path / "checkout")
    done = station.run("python", "-c", "import firmware_examples")
    assert "No module named 'firmware_examples'" in done.stderr


def _files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert len(found) > 30
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("verb", ["train", "convert"])
def test_verbs_that_need_more_name_the_extra(station: Station, tmp_path: Path, verb: str) -> None:
    data = tmp_path / "made.npz"
    assert station.run("wm-edge", "dataset", "synth", "--out", data).returncode == 0
    run = tmp_path / "run"
    run.mkdir()
    arguments = {
        "train": ["train", data, "--out", tmp_path / "new"],
        "convert": ["convert", run, "--data", data, "--out", tmp_path / "model.tflite"],
    }
    done = station.run("wm-edge", *arguments[verb])
    assert done.returncode == 3, done.stderr
    assert f"pip install 'wm-edge[{verb}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert station.run("wm-edge", verb, "--help").returncode == 0
