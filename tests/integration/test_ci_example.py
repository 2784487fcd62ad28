"""The workflow and the pytest file of docs/ci do what docs/regression-gate.md says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from edge.gate.checks import NAMES
from edge.system.shipped import shipped_path
from tests.support import spoil
from tests.support.cli import TIMEOUT, environment, wm_edge
from tests.support.wafers import small_set

CI = Path(__file__).parents[2] / "docs" / "ci"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user keeps beside the examples, made with the commands of the docs."""
    folder = tmp_path_factory.mktemp("project")
    small_set(20).save(folder / "golden.npz")
    shutil.copy(shipped_path(), folder / "model.tflite")
    done = wm_edge(
        "evaluate", "golden.npz", "--model", "model.tflite", "--write-baseline", "good.json",
        cwd=folder,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    return folder


@pytest.fixture
def spoiled(project: Path, tmp_path: Path) -> Path:
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.tflite").write_bytes(spoil.swap_labels("Edge-Ring", "Donut"))
    return tmp_path


def shell_steps() -> list[dict[str, Any]]:
    """The steps of the workflow that run in a shell, without the installation."""
    workflow = yaml.safe_load((CI / "wm-edge.yml").read_text("utf-8"))
    steps = [step for step in workflow["jobs"]["gate"]["steps"] if "run" in step]
    return [step for step in steps if not step["run"].startswith("pip install")]


def run_workflow(folder: Path) -> tuple[list[int], str]:
    """Exit codes of the steps, run as GitHub runs them, and the summary of the job."""
    scripts = Path(sys.executable).parent
    summary = folder / "summary.md"
    env = environment(
        PATH=f"{scripts}{os.pathsep}{os.environ['PATH']}", GITHUB_STEP_SUMMARY=str(summary)
    )
    codes = []
    for step in shell_steps():
        if any(codes) and step.get("if") != "always()":
            continue
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder,
            env=env,
            timeout=TIMEOUT,
            check=False,
        )
        codes.append(done.returncode)
    return codes, summary.read_text("utf-8")


def test_workflow_is_green_for_the_model_of_the_baseline(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    codes, summary = run_workflow(tmp_path)
    assert codes == [0, 0]
    assert "failed" not in summary
    assert all(f"| {name} |" in summary for name in NAMES)


def test_workflow_is_red_and_says_why(spoiled: Path) -> None:
    codes, summary = run_workflow(spoiled)
    assert codes == [4, 0]
    assert "| labels | **failed** | Donut and Edge-Ring look exchanged" in summary
    assert "| class-Donut | **failed** |" in summary
    assert (spoiled / "now.json").is_file()


def test_pytest_example_is_green_then_red(project: Path, spoiled: Path) -> None:
    expected = {project: set(), spoiled: {"labels", "class-Donut", "class-Edge-Ring", "mean"}}
    for folder, names in expected.items():
        shutil.copy(CI / "test_wafer_model.py", folder)
        report = folder / "pytest.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
             f"--rootdir={folder}", f"--junitxml={report}", str(folder / "test_wafer_model.py")],
            env=environment(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )  # fmt: skip
        assert done.returncode == (1 if names else 0), done.stdout.decode()
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314
        failed = {
            (case.get("name") or "").partition("[")[2][:-1]
            for case in cases
            if case.find("failure") is not None
        }
        assert len(cases) == len(NAMES)
        assert names <= failed
        assert bool(names) == bool(failed)
