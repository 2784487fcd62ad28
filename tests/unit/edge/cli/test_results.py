"""How the results of a run are written, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli import results


@pytest.mark.parametrize(
    ("kind", "name", "form", "note"),
    [
        (None, "a.csv", "csv", ""),
        (None, "a.txt", "jsonl", ""),
        (None, "a", "jsonl", ""),
        (None, "a.ndjson", "jsonl", ""),
        (
            None,
            "a.tsv",
            "jsonl",
            "note: a.tsv is written as jsonl, where --format says nothing else\n",
        ),
        ("csv", "a.xls", "csv", "note: a.xls is written as csv, as --format says\n"),
        ("csv", "a.csv", "csv", ""),
        ("csv", "a.txt", "csv", ""),
        ("jsonl", "a.CSV", "jsonl", "note: a.CSV is written as jsonl, as --format says\n"),
        ("table", "a.jsonl", "table", "note: a.jsonl is written as table, as --format says\n"),
    ],
)
def test_a_name_that_promises_another_form_is_said(
    kind: str | None, name: str, form: str, note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert results.form(kind, Path(name), quiet=False) == form
    assert capsys.readouterr().err == note
    assert results.form(kind, Path(name), quiet=True) == form
    assert capsys.readouterr().err == ""
