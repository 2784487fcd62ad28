"""The model card says what the metadata says."""

from __future__ import annotations

import pytest

from edge.card import card
from edge.model import ModelFile
from edge.patterns import PATTERNS
from tests.support.model_files import Change, put, with_metadata


def test_shipped_card_has_a_line_a_pattern_with_the_files_own_figures(shipped: ModelFile) -> None:
    lines = card(shipped).splitlines()
    assert shipped.sha256[:16] in lines[0]
    for name in PATTERNS:
        figures = shipped.metadata["accuracy"]["int8"]["per_class"][name]
        line = next(line for line in lines if line.split()[:2] == [name, str(figures["n"])])
        assert f"{100 * figures['recall']:.1f}" in line
        assert f"{100 * figures['ci95'][0]:.1f} - {100 * figures['ci95'][1]:.1f}" in line
    for limit in shipped.metadata["not_for"]:
        assert any(line.endswith(limit) for line in lines)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.pop("accuracy"), "accuracy    not recorded"),
        (put("review", "below", "Loc", value=0.9), "Loc 0.9"),
        (put("accuracy", "allowed_drop", value=5.0), "--allow-drop 5 instead of 1 point"),
        (
            put("accuracy", "int8", "per_class", "Donut", value={"n": 0, "recall": None}),
            "Donut            0        -",
        ),
        (lambda m: [m.pop(k) for k in ("tools", "training", "network", "created")], "unknown"),
    ],
)
def test_card_of_other_files(shipped: ModelFile, change: Change, words: str) -> None:
    assert words in card(with_metadata(shipped, change))


def test_card_obeys_no_escape_sequence(shipped: ModelFile) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    found = card(with_metadata(shipped, put("name", value=f"a{evil}b")))
    assert found.startswith("a?]0;owned??[2J?b")
    found = card(with_metadata(shipped, put("notice", value=f"one\ttwo\nthree{evil}")))
    assert "one two\nthree?]0" in found
    assert all(line.isprintable() for line in found.split("\n"))
