"""Examples of a pattern: any file that is read, with what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli.pattern_examples import wafers
from edge.errors import InputError
from edge.formats.fab.rules import NO_RULES, rules_of


def test_rules_say_what_passes_in_examples(tmp_path: Path) -> None:
    path = tmp_path / "w.map"
    path.write_text("LOT:A\nRowData:01 07\nRowData:07 01\n")
    (found,) = wafers((str(path),), None, None, rules_of(["1"]))
    assert (found.lot, found.dies.tolist()) == ("A", [[1, 2], [2, 1]])
    with pytest.raises(InputError, match="which codes pass"):
        list(wafers((str(path),), None, None, NO_RULES))


def test_what_the_files_of_examples_warn_of_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.map"
    path.write_text("LOT:A\nCOLCT:9\nBCEQU:01\nRowData:01 07\nRowData:07 01\n")
    (found,) = wafers((str(path),), None, None, NO_RULES)
    assert found.warning
    assert capsys.readouterr().err.splitlines() == [f"warning: {path}: {found.warning}"]
