"""What many tests need. Imports no TensorFlow: most tests run in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation import yield_sweep
from edge.model import model_file
from edge.model.model_file import ModelFile
from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import DieGrid
from tests.support.model_files import OLD
from train.synth.sets import synthetic_set

WritePng = Callable[[Path, DieGrid], Path]


@pytest.fixture(scope="session", autouse=True)
def few_wafers_of_every_yield() -> Iterator[None]:
    """A yield sweep of 300 wafers instead of 16,000: what is made of its figures is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yield_sweep, "WAFERS", 1)
        patch.setattr(yield_sweep, "WAFERS_OF_NONE", 4)
        yield


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that an earlier session found out, and nothing left in anybody's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CACHE_DIRECTORY", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def generated() -> LabelledSet:
    """Six wafers of each pattern in 18 lots of three patterns, on grids of three sizes."""
    grids = [round_grid(26, 26), round_grid(33, 29), round_grid(25, 27)]
    made = synthetic_set(dict.fromkeys(PATTERNS, 6), grids, seed=1)
    number = np.arange(len(made))
    return made.with_columns(
        lot=(100 + number % 18).astype(np.int32), wafer=(1 + number // 18).astype(np.int16)
    )


@pytest.fixture(scope="session")
def several_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A labelled set of wafers that show up to two patterns, and a run folder trained on it."""
    from tests.support.several import trained  # TensorFlow, for who needs it

    return trained(tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="session")
def shipped() -> ModelFile:
    """The model file that comes with the package."""
    return model_file.load()


@pytest.fixture(scope="session")
def classifier(shipped: ModelFile) -> Classifier:
    """The shipped model at work."""
    return Classifier(shipped)


@pytest.fixture(scope="session")
def first() -> Classifier:
    """The model that shipped first at work, for tests that know its answers."""
    return Classifier(model_file.load(OLD))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with real wafers (wm811k.npz), named by ``WM_EDGE_DATA``."""
    named = os.environ.get("WM_EDGE_DATA", "")
    if not named or not (Path(named) / "wm811k.npz").is_file():
        pytest.skip("WM_EDGE_DATA names no folder with wm811k.npz: no real wafers here")
    return Path(named)


@pytest.fixture(scope="session")
def write_png() -> WritePng:
    """Write a die grid as a picture with a pixel a die: black, grey, white."""

    def write(path: Path, dies: DieGrid) -> Path:
        grey = np.asarray([0, 127, 255], np.uint8)[dies]
        assert cv2.imwrite(str(path), grey)
        return path

    return write


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names bytes by their place: packed, they hold the time, and processes must agree."""
    return argname if isinstance(val, bytes) else None
