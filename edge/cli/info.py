"""``wm-edge info``: the model card of a file, or the model files of a store."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell

if TYPE_CHECKING:
    from edge.store.models import ModelNote


@click.command(name="info")
@click.argument("place", type=options.ModelPath(), required=False, metavar="[MODEL|STORE]")
@options.model
@click.option("--json", "as_json", is_flag=True, help="The whole metadata as JSON.")
def command(place: Path | None, model: Path | None, as_json: bool) -> int:
    """Show the model card of MODEL, or of wm811k, which ships; those that ship side by side.

    Per-class accuracy with intervals, what it was trained on, what it must not be used for.
    Of a station's STORE, the model files that its results are of, and their patterns. --model
    names a model file as MODEL does.

    \b
    Examples:
      wm-edge info
      wm-edge info wm811k
      wm-edge info mine.tflite --json | jq .encoding
      wm-edge info results.sqlite
    """
    from edge.cli.model_card import card
    from edge.model.model_file import load

    if place is not None and model is not None:
        raise click.UsageError(f"both {place} and --model {model}: give one of them")
    if place is not None and _is_store(place):
        _show_store(place, as_json=as_json)
        return 0
    model_file = load(place or model)
    if as_json:
        click.echo(json.dumps({**model_file.document, "sha256": model_file.sha256}, indent=1))
    else:
        for line in card(model_file, flowing=options.is_terminal(sys.stdout)).split("\n"):
            tell(line, _column(line))
    return 0


def _is_store(path: Path) -> bool:
    from edge.store.schema import is_store

    try:
        return path.is_file() and is_store(path)
    except OSError:  # whoever loads it as a model file says why
        return False


def _show_store(path: Path, *, as_json: bool) -> None:
    from edge.store.reader import StoreReader

    with closing(StoreReader(path)) as reader:
        notes, at_work = {note.sha256: note for note in reader.models()}, reader.models_at_work()
    found = {}
    for sha256 in {**at_work, **notes}:
        note = notes.get(sha256)
        model, results = at_work.get(sha256) or (note.model if note else "", 0)
        times = {"first_at": note.first_at, "last_at": note.last_at} if note else {}
        known = {**note.as_dict(), **times} if note else {"sha256": sha256, "model": model}
        found[sha256] = {**known, "results": results}
    if as_json:
        click.echo(json.dumps([*found.values()], indent=1))
        return
    for sha256, told in found.items():
        tell(printable(f"{told['model']}  ({counted(told['results'], 'result')})"))
        for line in _of_store(notes.get(sha256)):
            tell(printable(line), _column(line))
    if not found:
        tell(f"{printable(str(path))}: holds no result yet", err=True)


def _of_store(note: ModelNote | None) -> Iterator[str]:
    """What a store knows of a model file."""
    from edge.cli.model_card import called

    if note is None:
        yield "            recorded by an earlier version, which did not keep its patterns"
        return
    yield f"file        {note.file}, from {note.first_at} on, last begun with {note.last_at}"
    none = note.patterns.none
    meaning = "none of which means no pattern" if none is None else f"{none} means no pattern"
    if note.patterns.is_several:
        meaning = "several of which a wafer may show"
    yield f"patterns    {note.patterns.listed} ({meaning})"
    yield from called(note.patterns)


def _column(line: str) -> int:
    """Where the text of a line of the card begins, behind its title."""
    found = re.match(r"\s+|[a-z][a-z ]{10,11} (?=\S)|\[[0-9]+\] ", line)
    return found.end() if found else 0
