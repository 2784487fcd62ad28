"""No descriptor left: told from other failures, and waited for instead of losing anything."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.errors import InputError, InputKind
from edge.station.folder import tree, watcher
from edge.station.folder.inotify import Listener
from edge.station.folder.watcher import Watch
from edge.store.store import Store
from edge.system.descriptors import are_used_up
from tests.support.records import result
from tests.support.station import wait_for

RAISED = OSError(errno.EMFILE, "Too many open files")


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """No file can be opened; what is open stays so."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_error_tells_and_so_does_an_attempt() -> None:
    assert are_used_up(RAISED)
    reader = InputError("w.png", InputKind.UNREADABLE, "cannot be read")
    reader.__cause__ = RAISED
    assert are_used_up(reader)
    assert not are_used_up(OSError(errno.EIO, "Input/output error"))
    with none_left():
        used_up = are_used_up(ImportError("no module"))
    assert used_up
    assert not are_used_up(ImportError("no module"))


def test_a_folder_that_cannot_be_listed_for_now_is_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "w.csv").write_text("1\n")
    failures = [RAISED, RAISED]
    real = os.open

    def failing(*args: Any, **kwargs: Any) -> int:
        if failures:
            raise failures.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(os, "open", failing)
    found = list(tree.walk(str(tmp_path)))
    assert [Path(path).name for path in found] == ["w.csv"]
    assert not failures


def test_the_store_needs_none_to_go_on(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "s.sqlite")) as store:
        with none_left():
            for first in range(0, 4000, 500):
                store.add([result(first + number) for number in range(500)])
        assert store.last == 4000


def test_a_folder_is_listened_to_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[Exception] = [RAISED, ZeroDivisionError("unforeseen")]
    listening: list[Listener] = []

    class Failing(Listener):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if failures:
                raise failures.pop()
            super().__init__(*args, **kwargs)
            listening.append(self)

    monkeypatch.setattr(watcher, "Listener", Failing)
    monkeypatch.setattr(watcher, "ROUND", 0.02)
    monkeypatch.setattr(watcher, "DEAF", 1.0)
    changed: set[str] = set()
    folder = Watch(str(tmp_path), changed.update, lambda: None)
    folder.start()
    wait_for(lambda: not failures, "the failure")
    assert not listening
    wait_for(lambda: listening, "listening again")
    folder.stop()
