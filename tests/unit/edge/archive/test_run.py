"""Each part is judged once, by name, with the numbers of ``classify``, whatever goes wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, which is not installed")

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from edge.archive import results
from edge.archive.compare import compare
from edge.archive.importing import import_maps
from edge.archive.judging import judge_part
from edge.archive.look import status, verify
from edge.archive.maps import Part
from edge.archive.results import Settings
from edge.archive.run import Ran, Shard, run, shard_of
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, UsageError
from edge.model.model_file import ModelFile
from edge.wafer.wafermap import WaferMap
from tests.support.maps import read, small_parts


@pytest.fixture(scope="module")
def settings(shipped: ModelFile) -> Settings:
    return Settings(shipped, shipped.review)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory, generated: LabelledSet) -> Path:
    """A labelled set, a nearly clean wafer and a damaged picture, in several parts."""
    folder = tmp_path_factory.mktemp("archive")
    generated.save(folder / "a.npz")
    np.save(folder / "b.npy", np.minimum(generated.grid(0), 1))
    (folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    with pytest.MonkeyPatch.context() as patch:
        small_parts(patch, 12_000)
        import_maps([folder], folder / "maps", read)
    return folder / "maps"


@pytest.fixture(scope="module")
def judged(
    tmp_path_factory: pytest.TempPathFactory, maps: Path, settings: Settings
) -> tuple[Path, list[Ran]]:
    """The results of all parts, by two processes, and what was told on the way."""
    folder, told = tmp_path_factory.mktemp("judged") / "results", list[Ran]()
    told.append(
        run(maps, folder, settings, workers=2, on_part=lambda ran: told.append(replace(ran)))
    )
    return folder, told


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows = [row for path in folder.glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: (row["source"], row["index"] or 0))


def test_the_numbers_are_those_of_classify(
    judged: tuple[Path, list[Ran]], classifier: Classifier, generated: LabelledSet
) -> None:
    *wafers, clean, damaged = rows_of(judged[0])
    assert len(wafers) == len(generated)
    for index, row in enumerate(wafers):
        found = classifier.classify(generated.wafer_map(index))
        expected = found.as_record()
        for key in ("lot", "wafer", "index", "pattern", "verdict", "reason", "dies", "fails"):
            assert row[key] == expected[key]
        for key in ("probability", "confidence", "below", "unfamiliarity", "mixture"):
            assert row[key] == np.float32(getattr(found, key))
        assert row["embedding"] == bytes(found.embedding)
        steps = [row[f"p_{name}"] for name in found.probabilities]
        assert steps == [round(255 * share) for share in found.probabilities.values()]
        assert row["error"] is None
    assert (clean["pattern"], clean["reason"], clean["embedding"]) == ("none", "few-fails", None)
    assert (damaged["kind"], damaged["pattern"], damaged["p_none"]) == ("unreadable", None, None)


def test_progress_comes_to_its_end_and_once_more_is_nothing_to_do(
    judged: tuple[Path, list[Ran]], maps: Path, settings: Settings
) -> None:
    folder, told = judged
    last = told[-1]
    assert [each.done for each in told[:-1]] == [*range(1, last.parts + 1)]
    assert last.rows == last.rows_done == 56
    assert last.left == 0
    assert told[0].left > 0
    files = {path: path.stat().st_mtime_ns for path in folder.glob("*")}
    name = judge_part(next(maps.glob("*1.parquet")), folder, settings, settings.classifier())
    assert (folder / name) in files
    assert files == {path: path.stat().st_mtime_ns for path in folder.glob("*")}
    found = status(maps, folder)
    assert (found.done, found.missing, found.aside, found.without_part) == (last.parts, [], {}, [])


def test_verify_finds_what_is_wrong(
    judged: tuple[Path, list[Ran]], maps: Path, settings: Settings, tmp_path: Path
) -> None:
    for path in judged[0].glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert verify(maps, tmp_path, settings, again=1) == (56, [])
    assert verify(maps, tmp_path, settings, again=10_000)[0] == judged[1][-1].parts
    first, second, third, *_ = sorted(tmp_path.glob("*.parquet"))
    table = pq.read_table(first)
    table = table.set_column(table.column_names.index("fails"), "fails", pa.array([1] * len(table)))
    pq.write_table(table, first)
    second.write_bytes(second.read_bytes()[:-9])
    pq.write_table(pq.read_table(third).slice(1), third)
    said = sorted(verify(maps, tmp_path, settings, again=1)[1])
    assert len(said) == 3
    assert "is judged otherwise now" in said[0]
    assert "no result that can be read" in said[1]
    assert "rows, its part has" in said[2]


def test_results_of_other_settings_do_not_mix(
    judged: tuple[Path, list[Ran]], maps: Path, settings: Settings, tmp_path: Path
) -> None:
    strict = settings._replace(review=settings.review.with_overrides([{"all": 1.0}]))
    with pytest.raises(UsageError, match="holds results of another settings"):
        run(maps, judged[0], strict)
    with pytest.raises(UsageError, match="holds other Parquet files"):
        run(maps, maps, settings)
    with pytest.raises(UsageError, match="no Parquet file with wafer maps"):
        run(tmp_path, tmp_path / "results", settings)
    (tmp_path / results.NOTE).write_text("{}")
    with pytest.raises(UsageError, match="no folder of results"):
        status(maps, tmp_path)


def test_a_model_file_of_several_patterns_a_wafer_is_refused_at_once(
    settings: Settings, tmp_path: Path
) -> None:
    several = SimpleNamespace(path="several.tflite", patterns=SimpleNamespace(is_several=True))
    with pytest.raises(UsageError, match=r"several.tflite: names several patterns a wafer"):
        results.claim(tmp_path / "results", settings._replace(model=several))
    assert not (tmp_path / "results").exists()


def test_compare_counts_what_changes_by_pattern_and_lot(
    judged: tuple[Path, list[Ran]], maps: Path, settings: Settings, tmp_path: Path
) -> None:
    strict = settings._replace(review=settings.review.with_overrides([{"all": 1.0}]))
    results.claim(tmp_path, strict)
    classifier = strict.classifier()
    for part in maps.glob("*.parquet"):
        judge_part(part, tmp_path, strict, classifier)
    found = compare(judged[0], tmp_path)
    accepted = [row for row in rows_of(judged[0]) if row["verdict"] == "accept"]
    assert found.wafers == 55
    assert found.verdicts() == {"accept": 0, "review": len(accepted)}
    assert found.patterns() == []
    lot, count = found.lots()[0]
    assert count == sum(row["lot"] == lot for row in accepted)
    assert sum(int(line.rpartition(",")[2]) for line in [*found.lines()][1:]) == found.changed
    with pytest.raises(UsageError, match="no folder of results"):
        compare(judged[0], maps)


def test_a_part_that_fails_is_set_aside_and_the_others_go_on(
    maps: Path, settings: Settings, tmp_path: Path
) -> None:
    for path in maps.glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "maps-000002.parquet").write_bytes(b"PAR1 cut off")
    ran = run(tmp_path, tmp_path / "results", settings)
    assert list(ran.aside) == ["maps-000002.parquet"]
    assert ran.done == ran.parts - 1
    told = json.loads((tmp_path / "results/_aside/maps-000002.parquet.json").read_text())
    assert "no Parquet file that can be read" in told["error"]
    found = status(tmp_path, tmp_path / "results")
    assert found.missing == ["maps-000002.parquet"]
    assert list(found.aside) == [str(tmp_path / "maps-000002.parquet")]
    good = (maps / "maps-000002.parquet").read_bytes()
    (tmp_path / "maps-000002.parquet").write_bytes(good)
    assert run(tmp_path, tmp_path / "results", settings).aside == {}
    found = status(tmp_path, tmp_path / "results")
    assert (found.missing, found.aside) == ([], {})


def hostile() -> Iterator[tuple[dict[str, Any], str]]:
    yield {"dies": b"\1\2\7\1", "rows": 2, "columns": 2}, "value 7 at row 1, column 0"
    yield {"dies": b"\0\0\0\0", "rows": 2, "columns": 2}, "no die at all"
    yield {"dies": b"\1\2\1", "rows": 2, "columns": 2}, "3 states for 2 x 2 dies"
    yield {"dies": b"\1\2\1\1", "rows": -2, "columns": -2}, "4 states for -2 x -2"
    yield {"dies": b"", "rows": 0, "columns": 7}, "0 states"
    yield {"dies": None, "rows": 2, "columns": 2}, "0 states for 2 x 2"
    yield {"dies": b"\1\2\1\1", "rows": None, "columns": 4}, "4 states for 0 x 4"


def test_rows_of_any_parquet_are_looked_at(
    settings: Settings, classifier: Classifier, generated: LabelledSet, tmp_path: Path
) -> None:
    grid = generated.grid(3)
    good = {"dies": grid.tobytes(), "rows": grid.shape[0], "columns": grid.shape[1]}
    rows = [good]
    for row, _ in hostile():
        rows += [row, good]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "own.parquet")
    name = judge_part(tmp_path / "own.parquet", tmp_path, settings, classifier)
    found = pq.read_table(tmp_path / name).to_pylist()
    expected = classifier.classify(WaferMap(grid))
    assert {row["confidence"] for row in found[::2]} == {np.float32(expected.confidence)}
    assert {row["pattern"] for row in found[::2]} == {expected.pattern}
    for row, (_, words) in zip(found[1::2], hostile(), strict=True):
        assert words in row["error"]
        assert row["pattern"] is None


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"dies": [[1, 2]], "rows": [1], "columns": [2]}, "must be binary"),
        ({"dies": [b"\1\2"], "rows": [1.0], "columns": [2]}, "must be whole numbers"),
        ({"dies": [b"\1\2"], "columns": [2]}, "lacks rows"),
    ],
)
def test_other_columns_are_refused(
    settings: Settings, tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "own.parquet")
    with pytest.raises(DataError, match=words):
        judge_part(tmp_path / "own.parquet", tmp_path, settings, settings.classifier())


def test_a_row_group_that_unpacks_to_too_much_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"dies": [b"\1" * 10_000] * 10, "rows": [100] * 10, "columns": [100] * 10})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd")
    monkeypatch.setattr("edge.archive.maps.MAX_GROUP", 5_000)
    with pytest.raises(DataError, match=r"row group 0 unpacks to .* fewer rows a row group"):
        judge_part(tmp_path / "bomb.parquet", tmp_path, settings, settings.classifier())


@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=60), st.integers(1, 20))
def test_shards_are_all_parts_and_none_twice(sizes: list[int], shards: int) -> None:
    parts = [Part(Path(f"{number}"), 1, size) for number, size in enumerate(sizes)]
    found = [shard_of(parts, Shard(number + 1, shards)) for number in range(shards)]
    assert sorted(part for shard in found for part in shard) == sorted(parts)
    loads = [sum(part.positions for part in shard) for shard in found]
    assert max(loads) <= sum(sizes) / shards + max(sizes) + len(sizes)


def test_sixteen_shards_of_a_skewed_archive_have_about_the_same_work() -> None:
    draw = np.random.default_rng(3)
    sizes = [2**24 + int(each) for each in draw.exponential(2**18, 500)]
    sizes += [2**24 * int(each) for each in draw.integers(2, 5, 6)]  # of maps of 4096 x 4096 dies
    parts = [Part(Path(f"{number}"), 1, size) for number, size in enumerate(sizes)]
    loads = [
        sum(part.positions for part in shard_of(parts, Shard(number, 16)))
        for number in range(1, 17)
    ]
    assert max(loads) < 1.1 * min(loads)


@pytest.mark.parametrize("text", ["", "0/4", "5/4", "1", "a/b", "-1/4", "1/0"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="1/16"):
        Shard.parse(text)


def test_a_rate_of_nothing_is_none() -> None:
    assert (Ran().rate, Ran().left) == (0.0, 0.0)
    assert math.isclose(Ran(positions=4, positions_done=1, seconds=2.0).left, 6.0)
