"""A folder of pattern files: which of them are used, and what is said of the others."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest
from msgspec import structs

from convert.report.out_of_distribution import UnknownPattern
from edge.classification.classifier import Classifier
from edge.errors import UsageError
from edge.own.pattern_file import OwnPattern, path_of
from edge.own.pattern_folder import PatternFolder
from edge.wafer.patterns import MOST, WM811K
from tests.support.own import saved


@pytest.fixture(name="pattern", scope="module")
def _pattern(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> OwnPattern:
    folder = tmp_path_factory.mktemp("patterns")
    return saved(folder, classifier, "Stripes", UnknownPattern.STRIPES)


def save(pattern: OwnPattern, folder: Path, name: str, file: str = "") -> Path:
    path = folder / file if file else path_of(folder, name)
    structs.replace(pattern, name=name).save(path)
    return path


def fits(pattern: OwnPattern) -> OwnPattern:
    """A refit that knows one network."""
    if pattern.network == "f" * 64:
        raise UsageError("an example is no wafer map")
    if pattern.network == "0" * 64:
        return structs.replace(pattern, network="1" * 64)
    return pattern


def at(folder: Path) -> PatternFolder:
    return PatternFolder(folder, WM811K, fits)


def names(found: list[OwnPattern] | None) -> list[str] | None:
    return found and [one.name for one in found]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return found


def changes(caplog: pytest.LogCaptureFixture, folder: Path) -> list[str]:
    return [line.removeprefix(f"{folder}: ") for line in said(caplog)]


def test_what_comes_changes_and_goes_is_told(
    pattern: OwnPattern, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edge")
    path = save(pattern, tmp_path, "There")
    folder = at(tmp_path)
    folder.look()
    assert not said(caplog)
    one = structs.replace(pattern, name="Half")
    path.unlink()
    one.save(path_of(tmp_path, "Half"))
    folder.look()
    assert changes(caplog, tmp_path) == [
        "Half comes into use (10 examples)",
        "There is no longer in use",
    ]
    for changed, words in (
        (one.confirmed(20, 0, trust=True), "Half is trusted now"),
        (one.confirmed(20, 5, trust=True), "Half is trusted no longer"),
        (structs.replace(one, rule=structs.replace(one.rule, bias=9)), "Half has changed (10 exam"),
    ):
        changed.save(path_of(tmp_path, "Half"))
        assert folder.look()
        assert words in changes(caplog, tmp_path)[0]


def test_what_is_no_pattern_file_is_told_once_and_stops_no_other(
    pattern: OwnPattern, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound = save(pattern, tmp_path, "Sound")
    (tmp_path / "broken.pattern").write_bytes(b"{")
    (tmp_path / "folder.pattern").mkdir()
    (tmp_path / "huge.pattern").write_bytes(b" " * (8 * 2**20 + 1))
    (tmp_path / "link.pattern").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.pattern")
    save(structs.replace(pattern, network="f" * 64), tmp_path, "Unfit")
    (tmp_path / "linked").write_bytes(sound.read_bytes().replace(b'"Sound"', b'"Linked"'))
    (tmp_path / "z.pattern").symlink_to("linked")
    (tmp_path / "note.txt").write_text("no pattern file, nothing is said of it")
    folder = at(tmp_path)
    assert names(folder.look()) == ["Sound", "Linked"]
    told = said(caplog)
    for line, words in zip(
        told,
        ("Unfit.pattern: made for another model file or version, cannot be made anew here: ",
         "broken.pattern: no pattern file", "folder.pattern: cannot be read (a folder",
         "huge.pattern: cannot be read", "link.pattern: cannot be read (No such file",
         "pipe.pattern: cannot be read (not a regular file"),
        strict=True,
    ):  # fmt: skip
        assert words in line
    assert folder.look() is None
    (tmp_path / "broken.pattern").write_bytes(b"[]")
    assert names(folder.look()) == ["Sound", "Linked"]
    assert ["broken.pattern" in line for line in said(caplog)] == [True]


def test_one_made_for_another_network_is_made_anew_and_its_file_stays(
    pattern: OwnPattern, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(structs.replace(pattern, network="0" * 64), tmp_path, "Old")
    before = path.read_bytes()
    [found] = at(tmp_path).look() or []
    assert found.network == "1" * 64
    assert path.read_bytes() == before
    [told] = said(caplog)
    assert "rebuilt here from its 10 examples, of which the others recognise" in told


def test_a_name_is_one_pattern_and_no_class(
    pattern: OwnPattern, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(pattern, tmp_path, "Chuck mark", "a.pattern")
    save(pattern, tmp_path, "chuck-mark", "b.pattern")
    save(pattern, tmp_path, "edge ring")
    folder = at(tmp_path)
    assert names(folder.look()) == ["Chuck mark"]
    told = said(caplog)
    assert "b.pattern: passed over, chuck-mark stands in a.pattern already" in told[0]
    assert "the model file has Edge-Ring as a class" in told[1]
    (tmp_path / "a.pattern").unlink()
    assert names(folder.look()) == ["chuck-mark"]
    assert not said(caplog)


def test_of_too_many_the_first_are_used(
    pattern: OwnPattern, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(300):
        save(pattern, tmp_path, f"P{number:03}")
    folder = at(tmp_path)
    assert names(folder.look()) == [f"P{number:03}" for number in range(MOST)]
    [told] = said(caplog)
    assert f"300 pattern files; the first {MOST} by name are used, P064.pattern and" in told
    (tmp_path / "P000.pattern").unlink()
    assert names(folder.look()) == [f"P{number:03}" for number in range(1, MOST + 1)]


def test_a_wafer_waits_for_a_part_of_many_files(
    pattern: OwnPattern, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.own.pattern_folder.PATIENCE", 0.0)
    kept = save(pattern, tmp_path, "A")
    folder = at(tmp_path)
    assert names(folder.look()) == ["A"]
    save(pattern, tmp_path, "other", kept.name)
    for name in ("B", "C"):
        save(pattern, tmp_path, name)
    assert [(names(folder.look()), folder.behind) for _ in range(3)] == [
        (["other"], True),
        (["other", "B"], True),
        (["other", "B", "C"], False),
    ]


def test_a_folder_that_goes_is_waited_for_and_one_made_again_is_read(
    pattern: OwnPattern, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no such folder"):
        at(tmp_path / "file")
    folder = tmp_path / "patterns"
    looked = at(folder)
    assert looked.look() is None
    assert ["no folder of pattern files; it is waited" in line for line in said(caplog)] == [True]
    save(pattern, folder, "First")
    assert names(looked.look()) == ["First"]
    shutil.rmtree(folder)
    for _ in range(3):
        assert looked.look() is None
    assert ["no folder of pattern files; it is waited" in line for line in said(caplog)] == [True]
    folder.write_text("a file")
    assert looked.look() is None
    assert "Not a directory" in said(caplog)[0]
    folder.unlink()
    save(pattern, folder, "Second")
    assert names(looked.look()) == ["Second"]
    shutil.rmtree(folder)
    folder.mkdir()
    assert looked.look() == []
