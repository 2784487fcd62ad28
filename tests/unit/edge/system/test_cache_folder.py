"""Small files that save work: kept where that can be, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.system import cache_folder, processor

KEY = "0" * 64


def keys(count: int) -> list[str]:
    return [f"{number:064x}" for number in range(count)]


def test_what_is_kept_is_recalled_by_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_folder.keep("some", KEY, b"known")
    assert cache_folder.recall("some", KEY) == b"known"
    assert cache_folder.recall("other", KEY) is None
    assert (tmp_path / "wm-edge/some").stat().st_mode & 0o777 == 0o700


def test_the_folder_is_the_services_the_users_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(path: Path) -> Path:
        raise RuntimeError(f"no home for {path}")

    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder.folder("some") == Path("/x/wm-edge/some")
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/wm-edge:/other")
    assert cache_folder.folder("some") == Path("/var/cache/wm-edge/some")
    monkeypatch.delenv("CACHE_DIRECTORY")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder.folder("some") == Path("/home/me/.cache/wm-edge/some")
    monkeypatch.setattr(Path, "expanduser", nobody)
    assert cache_folder.folder("some") is None
    cache_folder.keep("some", KEY, b"lost")
    assert cache_folder.recall("some", KEY) is None


@pytest.mark.parametrize("place", ["file", "/proc", "/nonexistent\0"])
def test_what_cannot_be_written_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(cache_folder, "folder", lambda kind: tmp_path / place / kind)
    cache_folder.keep("some", KEY, b"lost")
    assert cache_folder.recall("some", KEY) is None


def test_only_the_newest_stay_and_nothing_foreign_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    there = tmp_path / "wm-edge/some"
    there.mkdir(parents=True)
    (there / "letter.txt").touch()
    for age, key in enumerate(reversed(keys(70))):
        (there / key).write_bytes(b"old")
        os.utime(there / key, (age, age))
    cache_folder.keep("some", KEY, b"new")
    left = {path.name for path in there.iterdir()}
    assert left == {"letter.txt", *keys(64)}
    assert cache_folder.recall("some", KEY) == b"new"


def test_no_pipe_and_nothing_large_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    there = tmp_path / "wm-edge/some"
    there.mkdir(parents=True)
    os.mkfifo(there / KEY)
    assert cache_folder.recall("some", KEY) is None
    (there / KEY).unlink()
    (there / KEY).write_bytes(b" " * 10_000)
    assert cache_folder.recall("some", KEY) is None


def test_a_processor_is_told_by_its_kind_and_not_by_its_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "processor\t: {0}\nmodel name\t: Some\ncpu MHz\t: {1}\nflags\t: sse avx{2}\n\n"
    found = []
    for clock, more in (("800.1", ""), ("3200.7", ""), ("800.1", " avx512")):
        info = tmp_path / "cpuinfo"
        info.write_text(text.format(0, clock, more) + text.format(1, clock, ""))
        monkeypatch.setattr(processor, "CPU_INFO", info)
        found.append(processor.features())
    assert found[0] == found[1] == "model name\t: Some\nflags\t: sse avx"
    assert found[2] != found[0]
    monkeypatch.setattr(processor, "CPU_INFO", tmp_path / "none")
    assert processor.features() == ""
