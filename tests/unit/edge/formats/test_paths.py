"""Files, folders and patterns."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.dataset.labelled_set import build
from edge.errors import InputError, InputKind
from edge.formats import paths as files
from edge.formats import reading
from edge.formats.paths import count, expand, read_items
from edge.wafer.wafermap import WaferMap


def read_all(paths: Iterable[str | Path]) -> Iterator[WaferMap | InputError]:
    return read_items(expand(paths))


def wafer(path: Path) -> Path:
    """A small valid file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, np.ones((2, 3), np.uint8))
    return path


def names(*paths: str | Path) -> list[str]:
    """Names of the files, kinds of the errors."""
    return [
        item.kind.value if isinstance(item, InputError) else Path(item).name
        for item in expand(paths)
    ]


def test_a_folder_in_natural_order(tmp_path: Path) -> None:
    for name in ("w10.npy", "w2.npy", "W1.npy", "lot10/a.npy", "lot9/b.NPY"):
        wafer(tmp_path / name)
    for name in (".hidden.npy", "w3.npy.part", "w4.tmp", "w5.npy~", "readme.txt", ".git/x.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert names(tmp_path) == ["W1.npy", "w2.npy", "w10.npy", "b.NPY", "a.npy"]
    assert count([tmp_path]) == 5
    assert count([tmp_path], limit=4) is None


def test_the_same_file_comes_once(tmp_path: Path) -> None:
    first, second = wafer(tmp_path / "a.npy"), wafer(tmp_path / "b.npy")
    (tmp_path / "c.npy").symlink_to(first)
    assert names(first, tmp_path / "." / "a.npy", str(first)) == ["a.npy"]
    assert names(first, tmp_path) == ["a.npy", "b.npy", "c.npy"]
    assert names(tmp_path, second, tmp_path) == ["a.npy", "b.npy", "c.npy"]
    (tmp_path / "again").symlink_to(tmp_path)
    assert names(first, tmp_path / "again" / "a.npy") == ["a.npy"]
    assert names(tmp_path / "again" / "b.npy", tmp_path) == ["b.npy", "a.npy", "c.npy"]


def test_links_with_another_name_are_files_of_their_own(tmp_path: Path) -> None:
    first = wafer(tmp_path / "a.npy")
    (tmp_path / "b.npy").symlink_to(first)
    (tmp_path / "c.npy").hardlink_to(first)
    every = ["a.npy", "b.npy", "c.npy"]
    assert names(tmp_path) == every
    assert names(*(tmp_path / name for name in every)) == every
    assert names(tmp_path / "b.npy", tmp_path) == ["b.npy", "a.npy", "c.npy"]


def test_a_missing_file_is_not_hidden_by_its_folder(tmp_path: Path) -> None:
    wafer(tmp_path / "a.npy")
    assert names(tmp_path, tmp_path / "gone.npy") == ["a.npy", "gone.npy"]


def test_the_output_is_not_found(tmp_path: Path) -> None:
    folder = tmp_path / "lot"
    wafer(folder / "a.npy")
    output = tmp_path / "link.csv"
    output.symlink_to(folder / "out.csv")

    def found(*paths: Path) -> list[str]:
        return [Path(item).name for item in expand(paths, exclude=output) if isinstance(item, str)]

    assert found(folder) == ["a.npy"], "not there yet"
    (folder / "out.csv").write_text("")
    (folder / "same.csv").symlink_to(folder / "out.csv")
    (folder / "hard.csv").hardlink_to(folder / "out.csv")
    assert found(folder) == found(folder / "*") == ["a.npy"]
    assert count([folder], exclude=output) == 1
    (folder / "a.npy").unlink()
    for path, kind in ((folder, InputKind.EMPTY), (folder / "*", InputKind.MISSING)):
        (error,) = expand([path], exclude=output)
        assert isinstance(error, InputError)
        assert error.kind is kind


def test_link_loops_end(tmp_path: Path) -> None:
    wafer(tmp_path / "in" / "a.npy")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "self.npy").symlink_to(tmp_path / "self.npy")
    (tmp_path / "gone.npy").symlink_to(tmp_path / "nowhere.npy")
    items = list(read_all([tmp_path]))
    assert [getattr(item, "kind", None) for item in items] == [
        InputKind.MISSING, InputKind.MISSING, None,
    ]  # fmt: skip


def test_patterns(tmp_path: Path) -> None:
    for name in ("w1.npy", "w10.npy", "w2.npy", "deep/er/w3.npy", "odd[1].npy"):
        wafer(tmp_path / name)
    assert names(tmp_path / "w*.npy") == ["w1.npy", "w2.npy", "w10.npy"]
    assert sorted(names(tmp_path / "**" / "w?.npy")) == ["w1.npy", "w2.npy", "w3.npy"]
    assert names(tmp_path / "odd[1].npy") == ["odd[1].npy"]
    assert names(tmp_path / "x*.npy") == ["missing"]


def test_errors_are_items(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npy").write_text("text")
    os.mkfifo(tmp_path / "pipe.npy")
    good = wafer(tmp_path / "good wafer é.npy")
    given = [tmp_path / name for name in ("missing.npy", "empty", "text.npy", "pipe.npy")]
    *errors, last = read_all([*given, tmp_path / "text.npy" / "x.npy", "a\0b.npy", good])
    kinds = [error.kind.value for error in errors if isinstance(error, InputError)]
    assert kinds == ["missing", "empty", "unreadable", "unsupported", "missing", "missing"]
    assert isinstance(last, WaferMap)
    assert last.source == str(good)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="drops root's rights")
def test_no_permission(tmp_path: Path) -> None:
    """Root may read everything, so a child process asks as nobody."""
    wafer(tmp_path / "closed" / "a.npy").chmod(0)
    (tmp_path / "locked").mkdir(mode=0o700)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = (
        "import os, sys\n"
        "from edge.formats import npy\n"  # while the interpreter's folder is open to us
        "from edge.formats.paths import expand, read_items\n"
        "os.setuid(65534)\n"
        f"for e in read_items(expand({[str(tmp_path / 'closed'), str(tmp_path / 'locked')]})):\n"
        "    print(e.kind.value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=20
    )
    assert done.stdout.split() == ["permission", "permission"]


def through_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Have this to read from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".npz"])
def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    grid = np.ones((5, 6), np.uint8)
    if suffix == ".csv":
        np.savetxt(path, grid, "%d", ",")
    elif suffix == ".npz":
        np.savez(path, np.stack([grid] * 3))
    else:
        wafer(path)
    through_stdin(monkeypatch, path.read_bytes())
    found = list(read_all(["-", "-"]))
    assert [item.source for item in found] == ["-"] * len(found)
    expected = [item for item in read_all([path]) if isinstance(item, WaferMap)]
    assert [item.dies.tolist() for item in found if isinstance(item, WaferMap)] == [
        item.dies.tolist() for item in expected
    ]


def test_standard_input_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_STDIN", 100)
    for content, kind in (
        (b"1,1\n" * 26, InputKind.TOO_LARGE),
        (b"", InputKind.EMPTY),
        (b"\0\1", InputKind.BAD_VALUE),
    ):
        through_stdin(monkeypatch, content)
        (error,) = read_all(["-"])
        assert isinstance(error, InputError)
        assert (error.source, error.kind) == ("-", kind)
    monkeypatch.setattr(sys, "stdin", None)
    (error,) = read_all(["-"])
    assert isinstance(error, InputError)
    assert error.kind is InputKind.MISSING


def test_a_file_of_the_name_of_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wafer(Path("-"))
    (found,) = read_all(["./-"])
    assert isinstance(found, WaferMap)
    assert found.source == str(tmp_path / "-")


def test_wafers_are_counted_by_their_headers(tmp_path: Path) -> None:
    wafer(tmp_path / "one.npy")
    np.save(tmp_path / "stack.npy", np.ones((7, 5, 6), np.uint8))
    np.savez(tmp_path / "stack.npz", maps=np.ones((3, 5, 6)), labels=np.ones((3, 8)))
    build([np.ones((2, 3), np.uint8)] * 11, ["none"] * 11).save(tmp_path / "set.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK\3\4")
    (tmp_path / "w.csv").write_text("1,1\n")
    assert files.count_wafers([tmp_path]) == 1 + 7 + 3 + 11 + 1 + 1
    assert files.count_wafers([tmp_path]) == sum(1 for _ in read_all([tmp_path]))


def test_folders_of_any_depth(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("a", dir_fd=here)
        there = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(os.open("w.npy", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert names(tmp_path) == ["w.npy"]
    found = list(expand([tmp_path / "**"]))
    assert isinstance(found[-1], InputError)
    assert "name the folder" in str(found[-1])
    subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)
