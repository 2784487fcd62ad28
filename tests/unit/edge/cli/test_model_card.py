"""The model card says what the metadata says."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from convert.cli.export_firmware import command as export_firmware
from edge.cli.info import command as info
from edge.cli.model_card import card
from edge.errors import ModelError
from edge.evaluation.metrics import wilson
from edge.model.model_file import ModelFile
from edge.wafer.patterns import PATTERNS
from tests.support.model_files import Change, called, put, with_metadata


def test_shipped_card_has_a_line_a_pattern_with_the_files_own_figures(shipped: ModelFile) -> None:
    lines = card(shipped).splitlines()
    assert shipped.sha256[:16] in lines[0]
    for name in PATTERNS:
        figures = shipped.document["accuracy"]["int8"]["per_class"][name]
        line = next(line for line in lines if line.split()[:2] == [name, str(figures["n"])])
        assert f"{100 * figures['recall']:.1f}" in line
        low, high = wilson(round(figures["recall"] * figures["n"]), figures["n"])
        assert f"{100 * low:.1f} - {100 * high:.1f}" in line
    for limit in shipped.document["not_for"]:
        assert any(line.endswith(limit) for line in lines)


def test_shipped_card_says_when_a_person_looks_and_what_that_did(shipped: ModelFile) -> None:
    text, rule = card(shipped), shipped.document["review"]
    for name in PATTERNS:
        assert f"{name} {rule['below'][name]:g}" in text
    done = shipped.document["accuracy"]["review"]
    aim = ", ".join(
        f"{name.replace('_', ' ')} {value:g}" for name, value in rule["objective"].items()
    )
    assert f"(set for {aim})" in text
    assert f"unfamiliar above {rule['unfamiliar']['above']:g} standard deviations" in text
    assert f"mixed above {rule['mixed']['above']:g}, fewer than {rule['min_dies']} dies" in text
    assert "fewer than 3 failing dies are none" in text
    assert "yields above 99 %" in text
    assert f"{100 * done['share']:.1f} % to review" in text
    assert f"caught {done['wrong_caught']} of {done['wrong']} wrong" in text
    error = shipped.document["calibration_error"]["int8"]
    line = next(line for line in text.splitlines() if "calibration error" in line)
    assert f"{error['before']:.3f}" in line
    assert f"{error['after']:.3f}" in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            put("review", "objective", value={"escape": 20.0, "false_alarm": 5.0, "review": 1}),
            "(set for escape 20, false alarm 5, review 1)",
        ),
        (lambda m: m.pop("accuracy"), "accuracy    not recorded"),
        (put("review", "below", "Loc", value=0.9), "Loc 0.9"),
        (put("accuracy", "allowed_drop", value=5.0), "--allow-drop 5 instead of 1 point"),
        (
            put(
                "accuracy",
                "int8",
                "per_class",
                "Donut",
                value={"n": 0, "recall": None, "ci95": [0, 1]},
            ),
            "Donut            0        -",
        ),
        (lambda m: [m.pop(k) for k in ("tools", "training", "network", "created")], "unknown"),
    ],
)
def test_card_of_other_files(shipped: ModelFile, change: Change, words: str) -> None:
    assert words in card(with_metadata(shipped, change))


def test_card_says_what_patterns_are_called_and_point_to(shipped: ModelFile) -> None:
    names = [*PATTERNS[:-1], "ok"]
    change = called(*names, aliases={"Ring": "Edge-Ring"}, hints={"Loc": "dust", "Donut": "heat"})
    found = card(with_metadata(shipped, change))
    assert (
        "\nalso        Ring is Edge-Ring\npoints to   Loc: dust\n            Donut: heat\n" in found
    )
    assert "points to" not in card(shipped)


def test_card_obeys_no_escape_sequence(shipped: ModelFile) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    found = card(with_metadata(shipped, put("name", value=f"a{evil}b")))
    assert found.startswith("a?]0;owned??[2J?b")
    found = card(with_metadata(shipped, put("notice", value=f"one\ttwo\nthree{evil}")))
    assert "one two\nthree?]0" in found
    assert all(line.isprintable() for line in found.split("\n"))


def test_a_notice_flows_on_a_terminal(shipped: ModelFile) -> None:
    notice = ["Data: by", "them.", "", "[1] A,", "in B", "[2] C"]
    model = with_metadata(shipped, put("notice", value=notice))
    assert card(model).endswith("\n".join(["", *notice]))
    assert card(model, flowing=True).endswith("\n\nData: by them.\n\n[1] A, in B\n[2] C")


@pytest.mark.parametrize(("verb", "more"), [(info, ()), (export_firmware, ("out",))])
def test_a_model_file_is_given_as_an_argument_or_as_model(
    verb: click.Command, more: tuple[str, ...]
) -> None:
    refused = CliRunner().invoke(verb, ["a.tflite", *more, "--model", "b.tflite"])
    assert refused.exit_code == 2
    assert "both a.tflite and --model b.tflite: give one of them" in refused.output
    alone = CliRunner().invoke(verb, ["--model", "b.tflite", *more])
    assert isinstance(alone.exception, ModelError)
    assert str(alone.exception).startswith("b.tflite: ")
