"""The docs say what is true: commands and options exist, the model card is the model file's."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from edge.cli.main import cli
from edge.cli.model_card import card
from edge.model.model_file import load

ROOT = Path(__file__).parents[2]
DOCS = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def _commands(text: str) -> list[str]:
    lines = "\n".join(FENCE.findall(text)).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("wm-edge ")]


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_commands_in_the_docs_exist(path: Path) -> None:
    for line in _commands(path.read_text("utf-8")):
        words = shlex.split(line, comments=True)[1:]
        command: click.Command = cli
        while isinstance(command, click.Group):
            name = words.pop(0)
            found = command.get_command(click.Context(command), name)
            assert found is not None, f"{path.name}: no verb {name!r} in: {line}"
            command = found
        known = {option for param in command.params for option in param.opts} | {"--help"}
        for word in words:
            if word in {"|", ">"}:
                break
            if word.startswith("-"):
                assert word.split("=")[0] in known, f"{path.name}: {word} in: {line}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_in_the_docs_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text("utf-8")):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(
        re.findall(r"^make ([a-z]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    assert named
    assert named <= targets


def test_the_model_card_in_the_docs_is_what_info_prints() -> None:
    printed = [line for line in card(load()).splitlines() if not line.startswith("file ")]
    block = FENCE.findall((ROOT / "docs" / "model-card.md").read_text("utf-8"))[0]
    assert block.rstrip().splitlines() == [line.rstrip() for line in printed]


def test_the_figures_of_the_boards_are_those_of_the_model_that_ships() -> None:
    figures = json.loads((ROOT / "docs" / "firmware.json").read_text("utf-8"))
    assert figures["model"] == load().name
    text = (ROOT / "docs" / "firmware.md").read_text("utf-8")
    for board in figures["boards"].values():
        assert board["flash"] <= figures["limits"]["flash"]
        assert board["ram"] <= figures["limits"]["ram"]
        assert f"| {board['board']} | {board['flash']:,} | {board['ram']:,} |" in text
