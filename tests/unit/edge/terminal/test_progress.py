"""The bar on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from edge.terminal.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("total", [None, 0])
def test_nothing_is_shown_before_it_is_known_how_much_there_is(
    total: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("reading", total) as progress:
        progress.at(0)
        assert terminal.getvalue() == ""
        progress.at(0, 50)
        progress.at(50, 50)
    assert "0/0" not in terminal.getvalue()
    assert "50/50" in terminal.getvalue()
