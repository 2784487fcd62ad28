"""``kill -9`` of a run over an archive and of its processes: the bytes of an undisturbed run."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, which is not installed")

import psutil

from edge.archive import results
from edge.archive.importing import import_maps
from edge.archive.judging import judge_part
from edge.archive.look import status
from edge.archive.results import Settings
from edge.dataset.labelled_set import LabelledSet
from edge.model.model_file import ModelFile
from tests.support.cli import TIMEOUT, command, environment, wm_edge
from tests.support.maps import read, small_parts
from tests.support.station import SOAK

KILLS = 200 if SOAK else 4


@pytest.fixture
def maps(tmp_path: Path, generated: LabelledSet) -> Path:
    """Parts of a wafer or two, of a set that is there a few times."""
    for number in range(8 if SOAK else 2):
        generated.save(tmp_path / f"{number}.npz")
    with pytest.MonkeyPatch.context() as patch:
        small_parts(patch, 2_000)
        import_maps([tmp_path], tmp_path / "maps", read)
    return tmp_path / "maps"


def test_killed_runs_and_processes_change_no_byte(
    maps: Path, shipped: ModelFile, tmp_path: Path
) -> None:
    draw = random.Random(1)
    folder, whole = tmp_path / "results", tmp_path / "whole"
    settings = Settings(shipped, shipped.review)
    for number in range(KILLS):
        if folder.is_dir() and not status(maps, folder).missing:
            for path in draw.sample(sorted(folder.glob("*.parquet")), 20):
                path.unlink()
        _disturb(maps, folder, draw, of_process=number % 2 == 0)
    done = wm_edge("archive", "run", maps, "--out", folder, "--workers", "2", "--quiet")
    assert (done.code, done.stderr) == (0, "")
    results.claim(whole, settings)
    classifier = settings.classifier()
    names = {judge_part(part, whole, settings, classifier) for part in maps.glob("*.parquet")}
    assert {path.name for path in folder.glob("*.parquet")} == names
    assert len(names) > 20
    for name in names:
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def _disturb(maps: Path, folder: Path, draw: random.Random, *, of_process: bool) -> None:
    """Begin a run and kill it, or a process of its, once results have come."""
    before = len([*folder.glob("*.parquet")])
    arguments = ["archive", "run", str(maps), "--out", str(folder), "--workers", "2", "--quiet"]
    with subprocess.Popen([*command(), *arguments], env=environment()) as run:
        deadline = time.monotonic() + TIMEOUT
        while len([*folder.glob("*.parquet")]) <= before + draw.randrange(5) and run.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if not of_process:
            run.kill()
            return
        try:
            children = psutil.Process(run.pid).children()
        except psutil.NoSuchProcess:
            children = []
        for child in children[:1]:
            child.kill()
        assert run.wait(TIMEOUT) == 0
