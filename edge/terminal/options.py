"""Options that several verbs share."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from edge.errors import UsageError
from edge.system import shipped
from edge.system.regular_file import expanded

if TYPE_CHECKING:
    from edge.formats.name_pattern import NamePattern, Names

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class FiniteRange(click.FloatRange):
    """A range that NaN and infinity are not in: every comparison with NaN is False."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class UserPath(click.Path):
    """A path; ``~`` at its start is a home, since shells leave ``--store=~/x`` as it is."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the path."""
        text = os.fspath(value)
        if text.startswith("~") and not os.path.lexists(text):
            try:
                value = expanded(text)
            except UsageError as error:
                self.fail(str(error), param, ctx)
        return super().convert(value, param, ctx)


class ModelPath(UserPath):
    """A model file: the name of one that ships, or a path; see ``edge.system.shipped``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the name or the path."""
        return shipped.located(value) or super().convert(value, param, ctx)


def name_pattern_of(text: str) -> NamePattern:
    """See ``edge.formats.name_pattern``."""
    from edge.formats.name_pattern import NamePattern

    try:
        return NamePattern(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}") from None


def names(pattern: NamePattern | None, paths: Sequence[str]) -> Names | None:
    """What gives wafers below these paths the lot and number in their names; None: nothing does."""
    if pattern is None:
        return None
    from edge.formats.name_pattern import Names

    return Names(pattern, filter(os.path.isdir, paths))


#: The runtimes by name; the enum itself lives in ``runtime``, which ``--help`` must not import.
BACKENDS = ("litert", "tflite", "tensorflow")

model: Decorator = click.option(
    "-m",
    "--model",
    type=ModelPath(),
    help="Model file, or the name of one that ships; wm811k when not given.",
)
backend: Decorator = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Force a runtime (also WM_EDGE_BACKEND); else the first that works.",
)
average_symmetries: Decorator = click.option(
    "--average-symmetries",
    is_flag=True,
    help="Average over the eight flips and quarter turns: 8 x the inference time. No effect on the "
    "model that ships, which answers alike for all eight.",
)
kernels: Decorator = click.option(
    "--kernels",
    type=click.Choice(("fast", "reference")),
    default="fast",
    help="reference: bit for bit what a microcontroller computes, slower.",
)
overwrite: Decorator = click.option(
    "--overwrite", is_flag=True, help="Replace output files that exist."
)
part: Decorator = click.option(
    "--part",
    type=click.Choice(("train", "val", "test")),
    help="Only this part of a split labelled set.",
)
name_pattern: Decorator = click.option(
    "--name-pattern",
    "pattern",
    type=name_pattern_of,
    metavar="PATTERN",
    help="Where lot, wafer and slot stand in names, as '{lot}_{wafer}' or '{lot}/{wafer}.*'; what "
    "a file itself says wins.",
)


def bins_of(text: str) -> tuple[str, ...]:
    """Codes separated by commas."""
    return tuple(code for each in text.split(",") if (code := each.strip()))


class _OneName(click.Option):
    """An option that help shows by its first name; others are taken, and nobody need know them."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Its line of help."""
        every, self.opts = self.opts, self.opts[:1]
        try:
            return super().get_help_record(ctx)
        finally:
            self.opts = every


def _fab(*none: str) -> Decorator:
    """What passes in files of a fab that do not say so themselves."""
    passing: Decorator = click.option(
        "--pass-bins",
        type=bins_of,
        default="",
        show_default=False,
        metavar="1,A5",
        help="Codes that pass in files of probers and testers, all others fail; else the file says "
        "what passes, or a recipe.",
    )
    no_die: Decorator = click.option(
        *none,
        cls=_OneName,
        type=bins_of,
        default="",
        show_default=False,
        metavar="__,@@",
        help="Codes that are no die in such files.",
    )
    recipes: Decorator = click.option(
        "--recipes",
        type=UserPath(file_okay=False),
        metavar="FOLDER",
        help="Recipes (*.toml) for such files of a device or a tool, and for pictures in colours "
        "of their own.",
    )
    return lambda command: passing(no_die(recipes(command)))


def _with_rules(options: Decorator) -> Decorator:
    """The same options, of which a command gets ``rules`` (``edge.formats.fab.rules.Rules``)."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_rules(
            *given: Any,
            pass_bins: tuple[str, ...],
            none_bins: tuple[str, ...],
            recipes: Path | None,
            **others: Any,
        ) -> Any:
            from edge.formats.fab.rules import rules_of

            return command(*given, rules=rules_of(pass_bins, none_bins, recipes), **others)

        return options(with_rules)

    return decorated


#: As they stand in the settings of a folder; for verbs, as ``rules``; where ``--none`` means a
#: class folder.
fab_settings: Decorator = _fab("--none-bins", "--none")
fab: Decorator = _with_rules(fab_settings)
fab_bins: Decorator = _with_rules(_fab("--none-bins"))


patterns: Decorator = click.option(
    "--patterns",
    type=UserPath(file_okay=False),
    metavar="FOLDER",
    help="Pattern files of `wm-edge pattern add`: results get `suggested`, and a wafer that would "
    "be accepted goes to review where one claims it.",
)
_kind: Decorator = click.option(
    "-f",
    "--format",
    "kind",
    type=click.Choice(("table", "jsonl", "csv")),
    help="How to write results; a table on a terminal, csv into a .csv file, else jsonl.",
)
_output: Decorator = click.option(
    "-o", "--output", type=UserPath(dir_okay=False), help="Write to this file."
)
_top_k: Decorator = click.option(
    "--top-k",
    type=click.IntRange(min=1),
    help="Keep only the K most probable patterns in `probabilities`.",
)


def seed(meaning: str) -> Decorator:
    """``--seed``: from 0 up, 0 where none is given."""
    return click.option("--seed", type=click.IntRange(min=0), default=0, help=meaning)


def results(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--format``, ``--output``, ``--overwrite`` and ``--top-k``."""
    return _kind(_output(overwrite(_top_k(command))))


def require(*packages: str) -> None:
    """Check that the libraries of an extra are there, before any work is done.

    Raises:
        ModuleNotFoundError: one is not installed; ``main`` turns it into the pip line.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks; None is a stream that was closed before Python started."""
    return stream is not None and stream.isatty()
