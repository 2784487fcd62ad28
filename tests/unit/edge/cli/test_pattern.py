"""``wm-edge pattern`` on files that are no pattern files, and what leads on from one that is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from convert.report.out_of_distribution import UnknownPattern
from edge.classification.classifier import Classifier
from edge.cli.pattern import command
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.reading import load
from edge.errors import OutputError, UsageError, WmEdgeError
from edge.formats.name_pattern import NamePattern
from edge.own.pattern_file import OwnPattern, path_of
from tests.support.own import drawn, saved
from train.cli.dataset_import import command as dataset_import
from train.cli.dataset_split import command as dataset_split
from train.importers import import_dataset


@pytest.fixture(name="pattern", scope="module")
def _pattern(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> OwnPattern:
    return saved(tmp_path_factory.mktemp("own"), classifier, "Half", UnknownPattern.HALF)


def run(folder: Path, *arguments: str | Path) -> Result:
    verb, *others = map(str, arguments)
    return CliRunner().invoke(command, [verb, *others, "--patterns", str(folder)])


ODD: dict[str, Callable[[Path], object]] = {
    "broken": lambda path: path.write_bytes(b'{"format": 1'),
    "huge": lambda path: path.write_bytes(b" " * (8 * 2**20 + 1)),
    "dangling": lambda path: path.symlink_to("nowhere"),
    "pipe": os.mkfifo,
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_pattern_file_is_told_by_every_verb(
    pattern: OwnPattern, tmp_path: Path, kind: str
) -> None:
    odd = path_of(tmp_path, "Odd")
    ODD[kind](odd)
    pattern.save(path_of(tmp_path, "Half"))
    for arguments in (
        ("show", "Odd"),
        ("confirm", "Odd", "--right", "1"),
        ("graduate", "Odd", "--output", tmp_path / "classes"),
    ):
        refused = run(tmp_path, *arguments)
        assert isinstance(refused.exception, UsageError)
        assert "Odd.pattern" in str(refused.exception)
    assert not (tmp_path / "classes").exists()
    for verb in ("list", "rebuild"):
        done = run(tmp_path, verb)
        assert done.exit_code == 0
        assert "Half" in done.output
        assert "Odd.pattern" in done.stderr
    removed = run(tmp_path, "remove", "Odd")
    if kind == "folder":
        assert isinstance(removed.exception, OutputError)
        assert "Odd.pattern: cannot be removed (" in str(removed.exception)
    else:
        assert removed.exit_code == 0
        assert not os.path.lexists(odd)
    assert path_of(tmp_path, "Half").is_file()


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert "is a file" in run(tmp_path / "file", "list").stderr
    assert "no pattern file" in run(tmp_path / "absent", "list").stderr
    for verb in ("show", "remove"):
        assert "no pattern 'X' in it; there are: none" in str(run(tmp_path, verb, "X").exception)


def test_a_pattern_is_found_in_any_spelling_whatever_its_file_is_called(
    pattern: OwnPattern, tmp_path: Path
) -> None:
    structs.replace(pattern, name="Chuck mark").save(tmp_path / "copy of it.pattern")
    assert run(tmp_path, "show", "chuck-mark").output.startswith("Chuck mark  (")
    np.save(tmp_path / "one.npy", drawn(UnknownPattern.HALF, 1)[0])
    for name, words in (("chuck_mark", "spelled alike"), ("Chuck mark", "exists already")):
        refused = run(tmp_path, "add", name, tmp_path / "one.npy")
        assert isinstance(refused.exception, UsageError)
        assert words in str(refused.exception)
        assert "copy of it.pattern" in str(refused.exception)
    assert run(tmp_path, "remove", "CHUCKMARK").exit_code == 0
    assert not [*tmp_path.glob("*.pattern")]


def test_what_another_model_file_claimed_is_not_confirmed(
    pattern: OwnPattern, tmp_path: Path
) -> None:
    path = path_of(tmp_path, "Half")
    structs.replace(pattern, network="0" * 64).save(path)
    refused = run(tmp_path, "confirm", "Half", "--right", "1")
    assert isinstance(refused.exception, UsageError)
    assert "Half.pattern: made for another model file or version than" in str(refused.exception)
    assert run(tmp_path, "rebuild").exit_code == 0
    confirmed = run(tmp_path, "confirm", "Half", "--right", "1")
    assert confirmed.output == "Half: 1 claims confirmed, 0 refused\n"


def test_one_that_cannot_be_made_anew_stops_no_other(pattern: OwnPattern, tmp_path: Path) -> None:
    old = structs.replace(pattern, network="0" * 64)
    bad = structs.replace(pattern.examples[0], dies="AAAA")
    structs.replace(old, name="A", examples=(bad, *old.examples)).save(path_of(tmp_path, "A"))
    structs.replace(old, name="edge ring").save(path_of(tmp_path, "edge ring"))
    structs.replace(old, name="Z").save(path_of(tmp_path, "Z"))
    done = run(tmp_path, "rebuild")
    assert "A.pattern: A: " in done.stderr
    assert "has Edge-Ring as a class already" in done.stderr
    assert "Z: 10 examples in " in done.output


def test_one_that_graduates_is_trained_on_beside_class_folders(
    pattern: OwnPattern, generated: LabelledSet, tmp_path: Path
) -> None:
    pattern.save(path_of(tmp_path, "Half"))
    for number in range(12):
        place = tmp_path / "maps" / "ok"
        place.mkdir(parents=True, exist_ok=True)
        np.save(place / f"A{number % 4}_{number}.npy", generated.grid(number))
    done = run(tmp_path, "graduate", "Half", "--output", tmp_path / "maps")
    assert "named {lot}_{wafer}" in done.stderr
    again = run(tmp_path, "graduate", "Half", "--output", tmp_path / "maps")
    assert "is there already" in str(again.exception)
    out = tmp_path / "all.npz"
    arguments = [str(tmp_path / "maps"), "--name-pattern", "{lot}_{wafer}", "--out", str(out)]
    imported = CliRunner().invoke(dataset_import, arguments)
    assert imported.exit_code == 0, imported.output
    labelled = load(out)
    assert labelled.class_counts() == {"Half": 10, "ok": 12}
    halves = [i for i, label in enumerate(labelled.labels) if label == "Half"]
    assert {labelled.wafer_map(i).lot for i in halves} == {"L0", "L1", "L2"}
    structs.replace(
        pattern, examples=tuple(structs.replace(one, lot=None) for one in pattern.examples)
    ).save(path_of(tmp_path, "Half"))
    shutil.rmtree(tmp_path / "maps" / "Half")
    done = run(tmp_path, "graduate", "Half", "--output", tmp_path / "maps")
    assert "without their lots" in done.stderr
    assert (tmp_path / "maps" / "Half" / "09.npy").is_file()


def test_what_graduates_is_called_as_it_is_or_refused(pattern: OwnPattern, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    (maps / "ok").mkdir(parents=True)
    np.save(maps / "ok" / "A+1_1.npy", drawn(UnknownPattern.HALF, 1)[0])
    examples = tuple(structs.replace(one, lot=f"L+{one.lot}") for one in pattern.examples)
    structs.replace(pattern, name="Größe 5 %", examples=examples).save(tmp_path / "a.pattern")
    assert run(tmp_path, "graduate", "Größe 5 %", "--output", maps).exit_code == 0
    labelled = import_dataset(maps, pattern=NamePattern("{lot}_{wafer}")).labelled
    assert labelled.class_counts() == {"Größe 5 %": 10, "ok": 1}
    assert set(labelled.columns["lot"].tolist()) == {"L+L0", "L+L1", "L+L2", "A+1"}
    for name in ("a/b", "unlabelled", "__x", "Train"):
        structs.replace(pattern, name=name).save(tmp_path / "b.pattern")
        refused = str(run(tmp_path, "graduate", name, "--output", maps).exception)
        assert f"{name!r} cannot be the name of a class folder; put" in refused
    examples = tuple(structs.replace(one, wafer=f"x_{one.wafer}") for one in pattern.examples)
    structs.replace(pattern, examples=examples).save(tmp_path / "c.pattern")
    done = run(tmp_path, "graduate", "Half", "--output", maps)
    assert "without their lots" in done.stderr


def test_one_that_graduates_comes_into_a_labelled_set(
    pattern: OwnPattern, generated: LabelledSet, tmp_path: Path
) -> None:
    pattern.save(path_of(tmp_path, "Half"))
    generated.with_columns(part=np.full(len(generated), "train")).save(tmp_path / "set.npz")
    arguments = ("graduate", "Half", "--data", tmp_path / "set.npz", "--output")
    assert run(tmp_path, *arguments, tmp_path / "more.npz").exit_code == 0
    assert isinstance(run(tmp_path, *arguments, tmp_path / "more.npz").exception, WmEdgeError)
    more = load(tmp_path / "more.npz")
    assert more.class_counts() == {**generated.class_counts(), "Half": 10}
    assert more.patterns.none == "none"
    assert more.patterns.names[-1] == "none"
    assert "part" not in more.columns
    np.testing.assert_array_equal(more.grid(3), generated.grid(3))
    last = more.wafer_map(len(more) - 1)
    assert (last.lot, last.wafer) == ("L0", "9")
    assert more.wafer_map(3).lot == generated.wafer_map(3).lot
    out = tmp_path / "split.npz"
    done = CliRunner().invoke(dataset_split, [str(tmp_path / "more.npz"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert len(load(out)) == len(more)
    structs.replace(pattern, name="edge-ring").save(path_of(tmp_path, "Half"))
    assert run(tmp_path, *arguments, tmp_path / "same.npz").exit_code == 0
    same = load(tmp_path / "same.npz").class_counts()
    assert same["Edge-Ring"] == generated.class_counts()["Edge-Ring"] + 10
