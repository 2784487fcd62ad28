"""Putting files away: never a newer one, never over another one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge.sinks.taken import Stamp
from edge.station import putaway
from edge.station.putaway import HIDDEN, give_back, give_back_all, put_away
from edge.station.take import stamp_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def file(path: Path, content: str = "taken") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def stamp(path: Path) -> Stamp:
    return stamp_of(path.stat())


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_file_is_deleted(folder: Path) -> None:
    path = file(folder / "w1.png")
    assert put_away(str(path), stamp(path), None) == ""
    assert content(folder) == {}


@pytest.mark.parametrize("name", ["w1.png", "w1", "caf\udce9.png", "two\nlines.png", "x" * 255])
def test_a_file_is_moved_and_another_one_there_is_kept(folder: Path, name: str) -> None:
    path = file(folder / name)
    target = folder / "done" / "lot1" / name
    before = stamp(path)
    assert put_away(str(path), before, target) == str(target)
    assert stamp(target).same_but_for_ctime(before)
    for number in (2, 3) if len(name) < 200 else ():
        put_away(str(file(path, f"taken {number}")), stamp(path), target)
        moved = target.with_name(f"{target.stem}-{number}{target.suffix}")
        assert moved.read_text() == f"taken {number}"
    assert target.read_text() == "taken"
    assert [one.name for one in folder.iterdir()] == ["done"]


@pytest.mark.parametrize("move", [False, True])
def test_a_newer_file_under_the_name_stays(folder: Path, move: bool) -> None:
    path = file(folder / "w1.png")
    taken = stamp(path)
    os.replace(file(folder / "new", "newer"), path)  # noqa: PTH105
    assert not put_away(str(path), taken, folder / "done" / "w1.png" if move else None)
    assert content(folder) == {"w1.png": "newer"}


def test_a_file_that_is_gone_is_nothing_to_put_away(folder: Path) -> None:
    assert not put_away(str(folder / "w1.png"), Stamp(1, 2, 3), None)


def test_a_file_that_somebody_writes_stays(folder: Path) -> None:
    path = file(folder / "w1.png")
    with path.open("r+") as writer:
        assert not put_away(str(path), stamp(path), None)
        writer.write("more")
    assert content(folder) == {"w1.png": "moren"}


def test_what_comes_while_the_file_is_hidden_keeps_the_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(folder / "w1.png", "second")

    def look(hidden: str, _: Stamp) -> bool:
        assert not path.exists()
        file(path, "third")
        return False

    monkeypatch.setattr(putaway, "_is_the_one", look)
    assert not put_away(str(path), stamp(path), None)
    assert content(folder) == {"w1.png": "third", "w1-2.png": "second"}


def test_what_cannot_be_moved_is_where_it_was(folder: Path) -> None:
    path = file(folder / "w1.png")
    obstacle = file(folder / "done")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        put_away(str(path), stamp(path), obstacle / "w1.png")
    assert content(folder) == {"done": "taken", "w1.png": "taken"}


def test_leftovers_of_a_crash_get_their_names_back(folder: Path) -> None:
    file(folder / f"{HIDDEN}w1.png", "old")
    file(folder / "w1.png", "new")
    file(folder / f"{HIDDEN}w2.png")
    file(folder / "lot" / f"{HIDDEN}w3.png")
    assert sorted(give_back_all(str(folder), recursive=False)) == [
        str(folder / "w1-2.png"),
        str(folder / "w2.png"),
    ]
    assert list(give_back_all(str(folder))) == [str(folder / "lot" / "w3.png")]
    assert content(folder) == {
        "w1.png": "new",
        "w1-2.png": "old",
        "w2.png": "taken",
        "lot/w3.png": "taken",
    }


def test_a_leftover_is_not_overwritten_by_the_next_file(folder: Path) -> None:
    """Giving back may have failed (no permission then); the leftover was never recorded."""
    path = file(folder / "w1.png")
    file(folder / f"{HIDDEN}w1.png", "leftover")
    assert put_away(str(path), stamp(path), None) == ""
    assert "leftover" in content(folder).values()


def test_without_hard_links_nothing_is_overwritten_either(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    file(folder / "w1.png", "there")
    assert give_back(str(file(folder / "hidden")), str(folder / "w1.png")).endswith("w1-2.png")
    assert content(folder) == {"w1.png": "there", "w1-2.png": "taken"}


def test_to_another_file_system(folder: Path, other_file_system: Path) -> None:
    target = file(other_file_system / "w1.png", "there")
    path = file(folder / "w1.png")
    changed = path.stat().st_mtime_ns
    assert put_away(str(path), stamp(path), target)
    assert content(folder) == {}
    assert content(other_file_system) == {"w1.png": "there", "w1-2.png": "taken"}
    assert (other_file_system / "w1-2.png").stat().st_mtime_ns == changed


@pytest.fixture
def other_file_system(tmp_path: Path) -> Iterator[Path]:
    shared = Path("/dev/shm")  # noqa: S108
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    with TemporaryDirectory(dir=shared) as made:
        yield Path(made)


def test_killed_between_the_two_steps_of_a_move(folder: Path) -> None:
    """The file stands under both names then: it must not come out as two."""
    path = file(folder / "w1.png")
    before = stamp(path)
    target = folder / "done" / "w1.png"
    target.parent.mkdir()
    os.link(path, target)
    os.rename(path, folder / f"{HIDDEN}w1.png")  # noqa: PTH104
    assert list(give_back_all(str(folder))) == [str(path)]
    assert put_away(str(path), before, target)
    assert content(folder) == {"done/w1.png": "taken"}
