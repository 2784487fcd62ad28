"""What ``classify`` and ``serial`` do alike: results are written where they go, and summed up."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.classification.pipeline import Summary
    from edge.formats.name_pattern import Names
    from edge.results.record import Record
    from edge.results.writers import Sink
    from edge.wafer.patterns import PatternSet

#: Form of results that the ending of a file's name promises: any, or one that is none of ours.
_ENDINGS = {"csv": "csv", "jsonl": "jsonl", "json": "jsonl", "ndjson": "jsonl"}
_ENDINGS |= dict.fromkeys(("", "txt", "log"), "")


def check(output: Path | None, paths: Iterable[str], *, overwrite: bool) -> None:
    """Make sure, before any work, that results can go into a file that is none of the inputs."""
    from edge.errors import UsageError
    from edge.system.files import check_place, same_file

    if output is not None:
        if any(same_file(path, output) for path in paths):
            raise UsageError(f"{output}: is one of the inputs; choose another name for the results")
        check_place(output, overwrite=overwrite)


def form(kind: str | None, output: Path | None, *, quiet: bool) -> str:
    """``table``, ``csv`` or ``jsonl``; it is said where the file's name promises another."""
    ending = output.suffix.lower()[1:] if output is not None else ""
    promised = _ENDINGS.get(ending, ending)
    why = "as --format says" if kind else "where --format says nothing else"
    if kind is None:
        kind = "table" if _on_terminal(output) else "csv" if promised == "csv" else "jsonl"
    if promised not in ("", kind) and not quiet:
        click.echo(f"note: {printable(str(output))} is written as {kind}, {why}", err=True)
    return kind


def _on_terminal(output: Path | None) -> bool:
    return output is None and options.is_terminal(sys.stdout)


def write(
    records: Generator[Record, None, None],
    names: Names | None,
    *,
    kind: str | None,
    output: Path | None,
    overwrite: bool,
    fail_fast: bool,
    quiet: bool,
    doing: str,
    failed: str,
    total: Callable[[], int | None],
    patterns: PatternSet,
    hold_errors: int = 0,
    sent_again: Callable[[], int] = lambda: 0,
    suggested: bool = False,
) -> int:
    """Write all records, show how far they are, sum up, and give the exit code.

    The output is touched when the first record is there. ``doing`` stands beside the bar, whose
    ``total`` is asked for where somebody looks; ``failed`` says what became of inputs without a
    result, ``patterns`` are those of the model file, ``sent_again`` how many wafers a device was
    sent again, ``suggested`` that results have that key.
    """
    from edge.results.writers import ResultFormat, open_sink

    how = ResultFormat(form(kind, output, quiet=quiet))
    # A bar over a table that grows on the same terminal would only disturb it.
    watched = not quiet and not _on_terminal(output) and options.is_terminal(sys.stderr)
    showing = Progress(doing, total() if watched else None, wanted=watched)
    with showing as progress, closing(records):
        noted = _noted(records, names)
        first = list(itertools.islice(noted, 1))
        written = open_sink(
            how,
            output,
            overwrite=overwrite,
            hold_errors=hold_errors,
            patterns=patterns,
            suggested=suggested,
        )
        with closing(written) as sink:
            every = itertools.chain(first, noted)
            summary = _run(every, sink, output, fail_fast=fail_fast, on_record=progress.at)
    if not quiet:
        _say(summary, failed, names, sent_again())
    return 1 if summary.errors else 0


def _run(
    records: Iterable[Record],
    sink: Sink,
    output: Path | None,
    *,
    fail_fast: bool,
    on_record: Callable[[int], None],
) -> Summary:
    """Write all records; what stands in the output is said where Ctrl-C ends the work."""
    from edge.classification.pipeline import run

    written = 0

    def count(number: int) -> None:
        nonlocal written
        written = number
        on_record(number)

    try:
        return run(records, sink, fail_fast=fail_fast, on_record=count)
    except KeyboardInterrupt:
        if output is not None:
            click.echo(
                f"{printable(str(output))}: holds {counted(written, 'record')} of what was done so "
                "far, each whole; --overwrite begins anew",
                err=True,
            )
        raise


def _noted(records: Iterable[Record], names: Names | None) -> Iterable[Record]:
    """The records; the first one whose name does not fit the pattern is said."""
    for record in records:
        if names is not None and (sentence := names.note(record)):
            warn([sentence])
        yield record


def _say(summary: Summary, failed: str, names: Names | None, sent_again: int) -> None:
    """The last line of a run, on stderr."""
    counts = {
        "accepted": summary.wafers - summary.review,
        "to review": summary.review,
        failed: summary.errors or None,
        "with a warning": summary.warned or None,
        "sent again": sent_again or None,
        "with a name that does not fit the pattern": (names and names.misses) or None,
    }
    parts = [f"{count} {what}" for what, count in counts.items() if count is not None]
    tell(f"{counted(summary.wafers, 'wafer')}: {', '.join(parts)}", 2, err=True)
