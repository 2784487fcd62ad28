"""Paths as people write them in options, where no shell knows ``~``."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest

from edge.cli.dataset import Dataset
from edge.cli.main import ROUTES
from edge.terminal.options import UserPath


def test_a_home_is_found_and_one_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    kind = UserPath()
    assert kind.convert("~/s.sqlite", None, None) == tmp_path / "s.sqlite"
    assert kind.convert("a/~b", None, None) == Path("a/~b")
    with pytest.raises(click.BadParameter, match="there is no home ~nobodyhere; write the path"):
        kind.convert("~nobodyhere/s.sqlite", None, None)
    Path("~nobodyhere").touch()  # an editor's backup has such a name
    assert kind.convert("~nobodyhere", None, None) == Path("~nobodyhere")


def test_every_path_of_every_verb_is_read_so() -> None:
    for route in [*ROUTES.values(), *Dataset.routes.values()]:
        for parameter in importlib.import_module(route.module).command.params:
            if isinstance(parameter.type, click.Path):
                assert isinstance(parameter.type, UserPath), (route.module, parameter.name)
