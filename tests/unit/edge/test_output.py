"""Results appear whole or not at all, and where they cannot is said before the work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import OutputError, UsageError
from edge.output import check_place, write_text
from edge.text import printable


def test_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_text(path, "one")
    write_text(path, "two é")
    assert path.read_text("utf-8") == "two é"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 99) == b"text"
    os.close(reader)
    assert pipe.is_fifo()
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path, "text")


def test_place_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    check_place(path, overwrite=False)
    path.touch()
    check_place(path, overwrite=True)
    with pytest.raises(UsageError, match="exists already"):
        check_place(path, overwrite=False)
    missing = tmp_path / "missing" / "x.json"
    with pytest.raises(UsageError, match="there is no folder"):
        check_place(missing, overwrite=True)
    with pytest.raises(OutputError, match=r"x\.json: cannot be written \(No such file"):
        write_text(missing, "text")


def test_printable() -> None:
    assert printable("a\x1b[2Jé\n") == "a?[2Jé?"
