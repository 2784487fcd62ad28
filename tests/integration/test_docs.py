"""The docs say what is true: commands and options exist, the model card is the model file's."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from benchmarks import marked, pages
from edge.cli.main import cli
from edge.cli.model_card import card
from edge.model.model_file import load
from edge.system import shipped
from tests.support.cli import wm_edge

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
#: A file or folder of ours that a text names.
PLACE = re.compile(
    r"(?<![\w./-])(?:edge|train|convert|wm_edge|firmware_examples|tests|docs|deploy|benchmarks)"
    r"/(?:[\w.-]+/)*(?:[\w-]+\.\w+)?"
)
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


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_files_and_folders_that_a_text_names_exist(path: Path) -> None:
    named = PLACE.findall(path.read_text("utf-8"))
    assert [place for place in named if not (ROOT / place).exists()] == []
    assert named or path.name not in {"architecture.md", "CONTRIBUTING.md"}


def test_the_list_of_folders_is_what_the_folders_say_of_themselves() -> None:
    """And each is drawn in the picture of the street."""
    said = {}
    for package in ("wm_edge", "edge", "train", "convert"):
        for file in sorted((ROOT / package).rglob("__init__.py")):
            first = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
            said[f"{file.parent.relative_to(ROOT).as_posix()}/"] = first.split("\n")[0]
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w[\w/]*/)` \| (.*) \|$", text, re.MULTILINE) == list(said.items())
    drawn = (ROOT / "docs" / "street.svg").read_text("utf-8")
    for folder in said:
        name = folder.split("/")[-2]
        assert f">{name}<" in drawn or f"{name}/" in drawn, folder


def test_the_floors_are_drawn_as_the_contract_has_them() -> None:
    contract = (ROOT / "pyproject.toml").read_text("utf-8").partition('id = "street"')[2]
    floors = re.findall(r'"([\w| ]+)",\n', contract.partition("layers = [")[2].partition("]")[0])
    drawn = (ROOT / "docs" / "street.svg").read_text("utf-8")
    rooms = re.findall(r'font-size="14" font-weight="bold"[^>]*>(\w+)(?:\.py)?<', drawn)[1:]
    for floor in floors:
        names = floor.split(" | ")
        assert sorted(rooms[: len(names)]) == sorted(names)
        rooms = rooms[len(names) :]
    assert rooms == ["firmware_examples"]


def test_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(
        re.findall(r"^make ([a-z]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    assert named
    assert named <= targets


def test_the_model_cards_in_the_docs_are_what_info_prints() -> None:
    blocks = FENCE.findall((ROOT / "docs" / "model-card.md").read_text("utf-8"))
    for block, path in zip(blocks, shipped.paths(), strict=False):
        printed = [line for line in card(load(path)).splitlines() if not line.startswith("file ")]
        assert block.rstrip().splitlines() == [line.rstrip() for line in printed]


def test_what_is_quoted_of_model_files_is_of_those_that_ship() -> None:
    ships = [load(path) for path in shipped.paths()]
    texts = {page: (ROOT / page).read_text("utf-8") for page in pages.BLOCKS}
    for page, blocks in pages.BLOCKS.items():
        for name in blocks:
            begin, end = (texts[page].index(f"<!-- {name}: {what}") for what in ("written", "end"))
            assert all(f"`{one.metadata.name}`" in texts[page][begin:end] for one in ships), name
    for one in ships:
        known = one.metadata.accuracy
        assert known
        shares = known.float_.macro_recall, known.int8.macro_recall, known.agreement
        row = " | ".join([f"`{one.metadata.name}`", *(f"{100 * share:.2f}" for share in shares)])
        assert f"| {row} |" in texts["docs/evidence.md"]


def test_a_block_is_written_between_its_marks_or_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- b: of x -->\nold\n<!-- b: end -->\nz\n")
    marked.written(page, {"b": r"new \1"})
    assert page.read_text() == "a\n<!-- b: of x -->\nnew \\1\n<!-- b: end -->\nz\n"
    with pytest.raises(SystemExit, match=r"page.md: 0 places between the marks c"):
        marked.written(page, {"b": "newer", "c": ""})
    assert "newer" not in page.read_text()


def test_the_figures_of_the_boards_are_those_of_the_model_that_ships() -> None:
    figures = json.loads((ROOT / "docs" / "firmware.json").read_text("utf-8"))
    assert figures["model"] == load(shipped.firmware_path()).name
    text = (ROOT / "docs" / "firmware.md").read_text("utf-8")
    for board in figures["boards"].values():
        assert board["flash"] <= figures["limits"]["flash"]
        assert board["ram"] <= figures["limits"]["ram"]
        assert f"| {board['board']} | {board['flash']:,} | {board['ram']:,} |" in text


#: An example and what it prints, if it is shown.
EXAMPLE = re.compile(r"(?ms)^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?")
#: Decimals, which differ by a little from kernel to kernel.
DECIMAL = re.compile(r"\d\.\d+")


def test_the_examples_in_python_please_a_type_checker(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    examples = EXAMPLE.findall((ROOT / "docs" / "python.md").read_text("utf-8"))
    (tmp_path / "examples.py").write_text("".join(code for code, _ in examples))
    start = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent"]
    done = wm_edge("examples.py", start=start, env={"MYPYPATH": str(ROOT)}, cwd=tmp_path)
    assert done.code == 0, done.text


def test_the_examples_in_python_run_and_print_what_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    examples = EXAMPLE.findall((ROOT / "docs" / "python.md").read_text("utf-8"))
    end = "print('--')\n"
    code = end.join(code for code, _ in examples)
    start = [sys.executable, "-c", code]
    env = {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = wm_edge(start=start, env=env, cwd=tmp_path)
    assert done.code == 0, done.stderr
    for (code, shown), printed in zip(examples, done.text.split("--\n"), strict=True):
        assert DECIMAL.sub("#", printed) == DECIMAL.sub("#", shown), code
