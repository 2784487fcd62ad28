"""Frames -> one record a wafer, with the reading of the screen left out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from edge.camera.frames import Frame
from edge.classification.classifier import Classifier
from edge.model.model_file import load
from edge.screen.refusal import Refusal, RejectReason
from edge.station.camera_source import CameraSource
from edge.station.settings import CameraSettings
from edge.store.store import Store
from edge.wafer.wafermap import DieGrid

A: DieGrid = np.full((12, 12), 1, np.uint8)
B: DieGrid = np.where(np.eye(12), 2, 1).astype(np.uint8)
#: A, a die short. Frames come ten a second, and the station is stopped after the last.
GROWING: DieGrid = np.where(np.arange(144).reshape(12, 12) == 143, 0, 1).astype(np.uint8)
SEEN: dict[str, Any] = {
    "a": A,
    "b": B,
    "g": GROWING,
    "-": Refusal(RejectReason.NO_WAFER, "nothing"),
    "?": Refusal(RejectReason.BLUR, "soft"),
    "!": ZeroDivisionError("by zero"),
}
IMAGE = np.zeros((8, 8, 3), np.uint8)


class Screen:
    """Stands for the feed and the reader: each letter is what one frame shows."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._left = iter(script)

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        for number in range(len(self._script)):
            yield Frame(IMAGE, number, 0.0, number / 10)

    def read(self, image: object) -> Any:
        seen = SEEN[next(self._left)]
        if isinstance(seen, Exception):
            raise seen
        return seen


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(load())


def records(script: str, store: Path, classifier: Classifier) -> list[dict[str, Any]]:
    source = CameraSource(CameraSettings("tcp://127.0.0.1:9"), "camera", classifier, store)
    screen = Screen(script)
    source._feed.frames = screen.frames  # type: ignore[method-assign]
    source._reader = cast(Any, screen)
    return [record for batch in source.batches(threading.Event()) for record in batch.records]


@pytest.mark.parametrize(
    ("script", "wafers"),
    [
        ("aaa", 1),
        ("aa", 0),
        ("aaaaaabbb", 2),
        ("aa?a", 1),
        ("aaa---aaa", 2),
        ("aaa-aaa", 1),
        ("a!aa", 1),
        ("gggaaa---", 1),
        ("gggaaagggaaa---", 1),
        ("gggaaa", 0),
    ],
)
def test_one_record_a_wafer(
    tmp_path: Path, classifier: Classifier, script: str, wafers: int
) -> None:
    Store(tmp_path / "s.sqlite").close()
    assert len(records(script, tmp_path / "s.sqlite", classifier)) == wafers


@pytest.mark.parametrize(
    ("script", "wafers"), [("aaa", 0), ("bbb", 1), ("---aaa", 1), ("-a-a-aa", 0)]
)
def test_the_wafer_recorded_last_may_still_stand_there_after_a_restart(
    tmp_path: Path, classifier: Classifier, script: str, wafers: int
) -> None:
    store = Store(tmp_path / "s.sqlite")
    common = {"station": "s", "tool": "t", "model_sha256": "m", "encoding": "e", "runtime": "r"}
    limits = {"unfamiliar_above": 1.0, "mixed_above": 1.0, "recorded_at": "now"}
    store.add([{**record, **common, **limits} for record in records("aaa", store.path, classifier)])
    store.close()
    assert len(records(script, store.path, classifier)) == wafers
