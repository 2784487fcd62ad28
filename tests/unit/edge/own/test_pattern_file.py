"""Pattern files: written, read, and refused."""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.report.out_of_distribution import UnknownPattern
from edge.classification.classifier import Classifier
from edge.errors import UsageError
from edge.own.pattern_file import Example, OwnPattern, check_name, load, path_of
from tests.support.own import drawn, saved


@pytest.fixture(name="pattern", scope="module")
def _pattern(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> OwnPattern:
    folder = tmp_path_factory.mktemp("patterns")
    return saved(folder, classifier, "Stripes", UnknownPattern.STRIPES)


def test_a_file_is_read_as_it_was_written_and_small(pattern: OwnPattern, tmp_path: Path) -> None:
    path = tmp_path / "new" / "Stripes.pattern"
    pattern.save(path)
    assert load(path) == pattern
    assert path.stat().st_size < 6_500 + 90 * len(pattern.rule.mean)
    for example, dies in zip(pattern.examples, drawn(UnknownPattern.STRIPES, 10), strict=True):
        np.testing.assert_array_equal(example.grid(), dies)


def test_a_file_of_the_first_layout_is_read_and_fits_no_network(
    pattern: OwnPattern, tmp_path: Path
) -> None:
    path = tmp_path / "p.pattern"
    pattern.save(path)
    first = json.loads(path.read_text("utf-8")) | {"format": 1}
    for key in ("centre", "scale", "weights"):
        del first["rule"][key][63:]
    del first["rule"]["early"], first["rule"]["early_bias"]
    path.write_text(json.dumps(first), "utf-8")
    found = load(path)
    assert found.examples == pattern.examples
    assert pattern.fits(pattern.network)
    assert not found.fits(pattern.network)


@pytest.mark.parametrize(
    "name",
    [
        "Chuck mark, left",
        "a/b",
        "..",
        ".hidden",
        "C:\\x",
        "100 %",
        "Größe 晶圆",
        "p_none",
        "x" * 100,
        "\N{CJK UNIFIED IDEOGRAPH-5708}" * 100,
    ],
)
def test_any_line_of_text_is_a_name_and_a_file_of_the_folder(
    pattern: OwnPattern, tmp_path: Path, name: str
) -> None:
    check_name(name)
    path = path_of(tmp_path, name)
    assert path.parent == tmp_path
    assert not path.name.startswith(".")
    pattern.save(path)
    assert [path] == list(tmp_path.glob("*.pattern"))


@pytest.mark.parametrize("name", ["", "  ", "--", "a\nb", "a\x1b[2J", "x" * 101, "a\u202eb"])
def test_what_is_no_line_of_text_is_no_name(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 3}, "format is 3"),
        ({"name": "a\nb"}, "control character (U+000A)"),
        ({"recall": 1.5}, "recall is 1.5"),
        ({"right": -1}, "right is -1"),
        ({"examples": [{"rows": 1}]}, "examples[0]"),
        ({"rule": {}}, "rule.mean is missing"),
        ({"examples": []}, "examples"),
        ({"name": "x" * 2**20}, "has 1048576 characters"),
    ],
)
def test_a_file_that_makes_no_sense_is_told_with_its_key(
    pattern: OwnPattern, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "p.pattern"
    pattern.save(path)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(UsageError, match=re.escape(words)) as refused:
        load(path)
    assert "p.pattern" in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("mean", math.nan), ("mean", 1e308), ("variance", -1.0), ("variance", 5e-324),
     ("bias", -1e300), ("weights", math.inf), ("cosine", math.nan)],
)  # fmt: skip
def test_numbers_that_no_fit_gives_are_refused(
    pattern: OwnPattern, tmp_path: Path, key: str, value: float
) -> None:
    path = tmp_path / "p.pattern"
    pattern.save(path)
    plain = json.loads(path.read_text("utf-8"))
    old = plain["rule"][key]
    plain["rule"][key] = [value, *old[1:]] if isinstance(old, list) else value
    path.write_text(json.dumps(plain), "utf-8")
    with pytest.raises(UsageError, match=rf"p\.pattern: no usable pattern file, rule\.{key}"):
        load(path)


def test_maps_that_unpack_to_more_than_seconds_of_work_are_refused(
    pattern: OwnPattern, tmp_path: Path
) -> None:
    path = tmp_path / "p.pattern"
    pattern.save(path)
    plain = json.loads(path.read_text("utf-8"))
    for each in plain["examples"]:
        each |= {"rows": 4096, "columns": 4096}
    path.write_text(json.dumps(plain), "utf-8")
    with pytest.raises(UsageError, match="positions together"):
        load(path)
    sound = pattern.examples[0]
    bomb = base64.b64encode(zlib.compress(bytes(2**26), 9)).decode()
    with pytest.raises(ValueError, match="no wafer map"):
        Example("w.npy", None, None, sound.rows, sound.columns, bomb).grid()


@pytest.mark.parametrize("key", ["variance", "centre", "scale", "weights"])
def test_numbers_of_another_length_are_refused(
    pattern: OwnPattern, tmp_path: Path, key: str
) -> None:
    path = tmp_path / "p.pattern"
    pattern.save(path)
    plain = json.loads(path.read_text("utf-8"))
    plain["rule"][key].append(1.0)
    path.write_text(json.dumps(plain), "utf-8")
    with pytest.raises(UsageError, match=f"rule.{key} must hold"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_what_is_no_pattern_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.pattern"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"p\.pattern"):
        load(path)


def test_an_example_that_is_no_map_is_refused() -> None:
    sound = Example.of("w.npy", None, None, np.full((3, 3), 2, np.uint8))
    for rows, dies in ((4, sound.dies), (3, "AAAA"), (3, "%"), (3, "eJxjZGRkBAAAGQAH")):
        with pytest.raises(ValueError, match=r"."):
            Example("w.npy", None, None, rows, 3, dies).grid()


def test_trust_is_earned_and_lost(pattern: OwnPattern) -> None:
    assert not pattern.confirmed(19, 0, trust=True).is_trusted
    earned = pattern.confirmed(19, 1, trust=True)
    assert earned.is_trusted
    assert not earned.confirmed(0, 1, trust=None).is_trusted
    assert not earned.confirmed(5, 0, trust=False).is_trusted
