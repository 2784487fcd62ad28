"""Results appear whole or not at all, and where they cannot is said before the work."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from edge.errors import OutputError, UsageError
from edge.formats.registry import eligible
from edge.system.files import check_place, replacing, unfinished, write_bytes, write_text
from edge.system.text import printable
from train.run import Run


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


def test_a_link_laid_under_the_name_of_an_unfinished_file_leads_nowhere(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "out"
    victim.write_text("the user's own")
    folder.mkdir()
    for name in (".x.json.partial", ".x.json.part", "x.json.partial", "partial.keras"):
        (folder / name).symlink_to(victim)
    write_text(folder / "x.json", "one")
    write_bytes(folder / "x.json", b"model")
    Run(folder).write_json("x.json", {})
    assert victim.read_text() == "the user's own"
    assert (folder / "x.json").read_text() == "{}\n"


def test_no_two_unfinished_files_have_one_name(tmp_path: Path) -> None:
    folder = str(tmp_path)
    with unfinished(folder) as (_, one), unfinished(folder) as (_, other):
        assert {path.name for path in tmp_path.iterdir()} == {one, other}
    assert one != other
    assert not any(map(eligible, (one, other))), "a folder's scan passes them over"


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127])
def test_a_name_of_any_legal_length_is_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    assert (tmp_path / name).read_text() == "text"


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with replacing(tmp_path / "x.json") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


class OnAShare(io.FileIO):
    """A file of which only closing tells that there is no room for it."""

    def close(self) -> None:
        tells = self.closefd and not self.closed
        super().close()
        if tells:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_what_closing_tells_keeps_the_file_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    write_text(path, "one")

    def opened(descriptor: int, mode: str, *, closefd: bool = True) -> io.BufferedWriter:
        return io.BufferedWriter(OnAShare(descriptor, mode, closefd=closefd))

    monkeypatch.setattr(os, "fdopen", opened)
    with pytest.raises(OutputError, match="No space left"):
        write_text(path, "two")
    assert path.read_text() == "one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_printable() -> None:
    assert printable("a\x1b[2Jé\n") == "a?[2Jé?"
