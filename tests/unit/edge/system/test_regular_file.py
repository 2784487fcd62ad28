"""A name that leads to a pipe or a device is never waited for, whoever opens it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.bench import compare
from edge.dataset import mixedwm38, reading
from edge.errors import InputError, InputKind, WmEdgeError
from edge.formats.reading import read
from edge.gate import baseline
from edge.model import float_network, model_file
from edge.system import toml_file
from edge.system.regular_file import open_regular, read_bytes, read_text
from train import recipe
from train.importers import import_dataset, restricted_unpickler


def classify(path: Path) -> None:
    """As ``classify`` reads it."""
    list(read(path))


def load_recipe(path: Path) -> None:
    """As ``train`` reads it."""
    recipe.load(str(path))


READERS: list[Callable[[Path], Any]] = [
    classify, reading.load, mixedwm38.read, import_dataset, model_file.load,
    toml_file.read, baseline.read, float_network.read, compare.read,
    restricted_unpickler.load, load_recipe,
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """A reader that waits fails its test instead of stopping the run."""

    def over(*_: object) -> None:
        pytest.fail("it waits")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: f"{reader.__module__}")
def test_a_pipe_swapped_in_is_not_waited_for(
    tmp_path: Path, reader: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a look at the name says: a regular file when looked at, a pipe when opened."""
    path = tmp_path / "w.csv"
    os.mkfifo(path)
    looks = Path(__file__).stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: looks)
    monkeypatch.setattr(Path, "stat", lambda *_, **__: looks)
    monkeypatch.setattr(Path, "is_file", lambda *_, **__: True)
    monkeypatch.setattr(Path, "is_dir", lambda *_, **__: False)
    with pytest.raises(WmEdgeError, match="pipe, socket or device"):
        reader(path)


def test_sockets_devices_and_folders(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        for odd in (path, Path("/dev/zero"), Path("/dev/null")):
            with pytest.raises(InputError) as caught:
                list(read(odd))
            assert caught.value.kind is InputKind.UNSUPPORTED
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


def test_contents(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\n")
    assert read_text(path) == "a\nb\n"
    assert read_bytes(path, 8) == path.read_bytes()
    with pytest.raises(OSError, match="larger than 7 bytes"):
        read_bytes(path, 7)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="not a regular file"):
        open_regular("/dev/null")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
