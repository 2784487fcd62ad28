"""Whatever holds wafer maps becomes rows, each once, however often the import is stopped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, which is not installed")

import pyarrow.parquet as pq

from edge.archive.importing import Item, import_maps
from edge.dataset.labelled_set import LabelledSet
from edge.errors import OutputError, UsageError
from tests.support.lots import wafer, write_store
from tests.support.maps import read, small_parts


class StoppedError(Exception):
    """In the midst of an import."""


@pytest.fixture
def sources(tmp_path: Path, generated: LabelledSet) -> list[Path]:
    """A labelled set, and a folder with an array, a stack and a damaged picture."""
    generated.save(tmp_path / "set.npz")
    folder = tmp_path / "files"
    folder.mkdir()
    np.save(folder / "a.npy", generated.grid(0))
    np.save(folder / "b.npy", np.stack([generated.grid(0)] * 5))
    (folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    return [tmp_path / "set.npz", folder]


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.glob("*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def stopping(after: int) -> Any:
    """Reads files until so many wafers have come."""
    left = after

    def reading(path: str) -> Iterator[Item]:
        nonlocal left
        for item in read(path):
            if left == 0:
                raise StoppedError
            left -= 1
            yield item

    return reading


def test_every_wafer_is_a_row_and_so_is_what_cannot_be_read(
    tmp_path: Path, sources: list[Path], generated: LabelledSet
) -> None:
    done = import_maps(sources, tmp_path / "maps", read)
    assert (done.wafers, done.errors, done.before) == (len(generated) + 6, 1, 0)
    rows = rows_of(tmp_path / "maps")
    assert len(list((tmp_path / "maps").glob("*.parquet"))) == done.parts > 3
    for index, row in enumerate(rows[: len(generated)]):
        grid = np.frombuffer(row["dies"], np.uint8).reshape(row["rows"], row["columns"])
        assert np.array_equal(grid, generated.grid(index))
        assert (row["lot"], row["index"]) == (str(generated.columns["lot"][index]), index)
    assert [row["index"] for row in rows[len(generated) :]] == [0, *range(5), None]
    assert rows[-1]["source"].endswith("c.png")
    assert rows[-1]["kind"] == "unreadable"
    assert len({row["file_sha256"] for row in rows}) == 4


def test_once_more_adds_nothing_and_other_sources_are_added(
    tmp_path: Path, sources: list[Path], generated: LabelledSet
) -> None:
    out = tmp_path / "maps"
    import_maps(sources[:1], out, read)
    again = import_maps(sources[:1], out, read)
    assert (again.wafers, again.errors, again.before) == (0, 0, len(generated))
    import_maps(sources, out, read)
    import_maps(sources, tmp_path / "together", read)
    assert rows_of(out) == rows_of(tmp_path / "together")


@pytest.mark.parametrize("after", [1, 17, 30, 57])
def test_stopped_it_goes_on_where_it_was(tmp_path: Path, sources: list[Path], after: int) -> None:
    out, whole = tmp_path / "maps", tmp_path / "whole"
    with pytest.raises(StoppedError):
        import_maps(sources, out, stopping(after))
    (out / ".wm-edge-0123.part").touch()  # as a killed one leaves it
    import_maps(sources, out, read)
    import_maps(sources, whole, read)
    assert rows_of(out) == rows_of(whole)
    assert not list(out.glob(".wm-edge*"))


def test_a_file_that_was_left_half_must_come_again(tmp_path: Path, sources: list[Path]) -> None:
    with pytest.raises(StoppedError):
        import_maps(sources, tmp_path / "maps", stopping(50))
    with pytest.raises(UsageError, match=r"set.npz: half of it is in the archive"):
        import_maps(sources[1:], tmp_path / "maps", read)


def test_a_file_that_has_changed_is_refused(
    tmp_path: Path, sources: list[Path], generated: LabelledSet
) -> None:
    import_maps(sources, tmp_path / "maps", read)
    np.save(sources[1] / "a.npy", generated.grid(1))
    with pytest.raises(UsageError, match=r"a.npy: has changed since it was imported"):
        import_maps(sources, tmp_path / "maps", read)


def test_other_files_and_a_file_for_a_folder_are_refused(
    tmp_path: Path, sources: list[Path]
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.parquet").touch()
    with pytest.raises(UsageError, match=r"mine.parquet: is no part of an import"):
        import_maps(sources, tmp_path / "other", read)
    with pytest.raises(UsageError, match="cannot be made"):
        import_maps(sources, sources[0], read)


def test_what_a_store_keeps_is_imported_and_what_comes_later(
    tmp_path: Path, generated: LabelledSet
) -> None:
    store, out = tmp_path / "results.sqlite", tmp_path / "maps"
    grids = [generated.grid(number) for number in range(5)]
    write_store(store, [wafer("A1", str(n), map=grid) for n, grid in enumerate(grids[:3])])
    write_store(store, [wafer("A1", "no map")])
    assert import_maps([store], out, read).wafers == 3
    assert import_maps([store], out, read).wafers == 0
    write_store(store, [wafer("B2", str(n), map=grid) for n, grid in enumerate(grids[3:])])
    assert import_maps([store], out, read).wafers == 2
    rows = rows_of(out)
    assert [(row["lot"], row["wafer"], row["index"]) for row in rows] == [
        ("A1", "0", 1),
        ("A1", "1", 2),
        ("A1", "2", 3),
        ("B2", "0", 5),
        ("B2", "1", 6),
    ]
    assert [row["dies"] for row in rows] == [grid.tobytes() for grid in grids]


def test_two_imports_into_one_folder_are_refused(tmp_path: Path, sources: list[Path]) -> None:
    hold = (
        "import sys; from pathlib import Path; from edge.system.file_lock import Lock;"
        "lock = Lock(Path(sys.argv[1]) / '_import'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="another import is at work"):
            import_maps(sources, tmp_path, read)
        other.communicate()


def test_a_full_disk_leaves_no_half_part(
    tmp_path: Path, sources: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OutputError, match=r"No space left on device.*run again"):
            import_maps(sources, tmp_path / "maps", read)
    assert not list((tmp_path / "maps").glob("*part*"))
    import_maps(sources, tmp_path / "maps", read)
    assert len(rows_of(tmp_path / "maps")) == 61
