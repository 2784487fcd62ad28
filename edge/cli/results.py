"""What ``classify`` and ``serial`` do alike: choose the form of results, write them, sum up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell

if TYPE_CHECKING:
    from edge.classification.pipeline import Summary
    from edge.formats.name_pattern import Names
    from edge.results.record import Record
    from edge.results.writers import Sink

#: Form of results by the ending of a file's name; into any other file come JSON lines.
_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".json": "jsonl"}


def on_terminal(output: Path | None) -> bool:
    """Whether results come onto a terminal."""
    return output is None and options.is_terminal(sys.stdout)


def form(kind: str | None, output: Path | None, *, quiet: bool) -> str:
    """``table``, ``csv`` or ``jsonl``.

    Args:
        kind: What was asked for; said on stderr where the file's name promises another.
        output: The file, or None for stdout.
        quiet: Say nothing.
    """
    usual = _ENDINGS.get(output.suffix.lower()) if output is not None else None
    if kind is None:
        return "table" if on_terminal(output) else usual or "jsonl"
    if usual and usual != kind and not quiet:
        name = printable(str(output))
        click.echo(f"note: {name} is written as {kind}, as --format says", err=True)
    return kind


def write(
    records: Iterable[Record],
    sink: Sink,
    names: Names | None,
    output: Path | None,
    *,
    fail_fast: bool,
    on_record: Callable[[int], None],
) -> Summary:
    """Write all records into a sink and close it.

    Args:
        records: Results and errors.
        sink: Into which.
        names: Whose first misfit is said.
        output: The sink's file; what stands in it is said where Ctrl-C ends the work.
        fail_fast: As for ``pipeline.run``.
        on_record: As for ``pipeline.run``.
    """
    from edge.classification.pipeline import run

    written = 0

    def count(number: int) -> None:
        nonlocal written
        written = number
        on_record(number)

    try:
        return run(options.noted(records, names), sink, fail_fast=fail_fast, on_record=count)
    except KeyboardInterrupt:
        if output is not None:
            click.echo(
                f"{printable(str(output))}: holds {counted(written, 'record')} of what was done so "
                "far, each whole; --overwrite begins anew",
                err=True,
            )
        raise
    finally:
        sink.close()


def say(summary: Summary, failed: str, names: Names | None, retried: int = 0) -> None:
    """The last line of a run, on stderr.

    Args:
        summary: What it did.
        failed: What became of inputs without a result.
        names: How many did not fit is said.
        retried: Wafers that a device was sent again.
    """
    parts = [f"{summary.wafers - summary.review} accepted", f"{summary.review} to review"]
    if summary.errors:
        parts.append(f"{summary.errors} {failed}")
    if retried:
        parts.append(f"{retried} sent again")
    parts += options.misfits(names)
    tell(f"{counted(summary.wafers, 'wafer')}: {', '.join(parts)}", 2, err=True)
