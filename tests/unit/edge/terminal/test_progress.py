"""The bar on a terminal."""

from __future__ import annotations

import io
import os
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


def test_stages_take_the_place_of_each_other_and_leave_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("") as progress:
        for label in ("epoch 1/2", "epoch 2/2"):
            progress.stage(label, 0, 8)
            progress.stage(label, 8, 8)
            progress.tell(f"{label} done")
        progress.stage("judging", 3, 8)
    wipe = "\r\033[2K\033[?25h"
    shown = terminal.getvalue().split(wipe)
    assert [part.split("\r")[0] for part in shown] == [
        "",
        "epoch 1/2 done\n",
        "epoch 2/2 done\n",
        "",
    ]
    assert [part.split("\r")[-1].split("  [")[0].removeprefix("\033[?25l") for part in shown] == [
        *("epoch 1/2", "epoch 2/2", "judging"),
        "",
    ]
    assert all("8/8" in part for part in shown[:2])


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
def test_a_bar_is_seen_while_native_code_is_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with Progress("calibrating", 10) as progress:
            terminal.flush()
            kept = os.dup(terminal.fileno())
            os.dup2(os.open(os.devnull, os.O_WRONLY), terminal.fileno())
            progress.at(10)
            os.dup2(kept, terminal.fileno())
        assert b"10/10" in os.read(ours, 4096)
