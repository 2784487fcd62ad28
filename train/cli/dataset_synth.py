"""``wm-edge dataset synth``: draw synthetic wafers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.errors import UsageError
from edge.system.files import check_place
from edge.system.text import counted
from edge.system.typed import MismatchError
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell
from edge.wafer.patterns import WM811K, WM811K_SEVERAL

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge.wafer.patterns import PatternSet
    from edge.wafer.wafermap import DieGrid


#: Maps of fewer dies are left to a person (``few-dies``).
LEAST_DIES: Final = 50


@click.command()
@click.option(
    "--out",
    required=True,
    type=options.UserPath(),
    help="An .npz to write, or a folder for pictures.",
)
@click.option(
    "--per-class",
    type=click.IntRange(min=1),
    help="Wafers of each pattern that can be drawn (10, unless --count is given).",
)
@click.option(
    "--count",
    "counts",
    multiple=True,
    metavar="PATTERN=N",
    help="Wafers of one pattern, for instance Donut=50; of a set of several a wafer also of some "
    "laid over each other, as Center+Scratch=50; may be repeated.",
)
@click.option(
    "--like",
    type=options.UserPath(),
    metavar="DATA.npz",
    help="Take the patterns and their names from this labelled set, and die grids (from its train "
    "part, if it has been split).",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="ROWSxCOLUMNS",
    help="Draw on a round grid of this size; may be repeated. Without: a few typical sizes.",
)
@click.option(
    "--several",
    is_flag=True,
    help="A set of wafers that may show several of the patterns at once (Center+Scratch).",
)
@options.seed("The same seed gives the same wafers.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(("npz", "png", "class-folders")),
    help="npz: one labelled set. png: pictures in one folder. class-folders: pictures in a folder "
    "for each pattern. Without: npz if --out ends so, else class-folders.",
)
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run wrote there.")
def command(
    out: Path,
    per_class: int | None,
    counts: tuple[str, ...],
    like: Path | None,
    sizes: tuple[str, ...],
    several: bool,
    seed: int,
    format_name: str | None,
    overwrite: bool,
) -> None:
    """Draw synthetic wafers of the patterns of WM-811K.

    Of a set with names of its own (--like), those patterns are drawn that mean one of the nine, by
    spelling or as an alias, and its wafers without a pattern. For others there is no generator.
    Pictures hold one pixel a die: grey level 0 for no die, 127 for pass, 255 for fail.

    \b
    Examples:
      wm-edge dataset synth --out synthetic.npz --count Donut=500 --count Loc=20
      wm-edge dataset synth --several --out two.npz --count Center+Scratch=100
      wm-edge dataset synth --out rings/ --like own.npz --count 'edge ring=100'
    """
    from edge.synth.generators import drawable
    from train.synth.pictures import Layout, save_pictures
    from train.synth.sets import synthetic_set

    form = _form(format_name, out)
    patterns, grids = _like(like, sizes)
    if several and like and not patterns.is_several:
        raise UsageError(f"{like}: its wafers show one pattern each; leave out --several")
    patterns = patterns if like or not several else WM811K_SEVERAL
    wanted = _counts(per_class, counts, patterns, drawable(patterns))
    check_place(out, overwrite=overwrite or (form != "npz" and out.is_dir()))
    with Progress("drawing") as progress:
        labelled = synthetic_set(wanted, grids, seed, patterns, progress.at)
    if form == "npz":
        labelled.save(out, overwrite=overwrite)
    else:
        save_pictures(labelled, out, layout=Layout(form), overwrite=overwrite)
    made = ", ".join(f"{count} {pattern}" for pattern, count in wanted.items() if count)
    tell(f"{out}: {counted(len(labelled), 'synthetic wafer')} ({made})", 2, err=True)


def _counts(
    per_class: int | None, counts: tuple[str, ...], patterns: PatternSet, known: Collection[str]
) -> dict[str, int]:
    if per_class is not None and counts:
        raise UsageError("--per-class and --count exclude each other; give one of them")
    if not known:
        raise UsageError(f"there is no generator for any pattern of this set: {patterns.listed}")
    if not counts:
        if undrawn := [name for name in patterns if name not in known]:
            tell(f"not drawn, there is no generator: {', '.join(undrawn)}", 2, err=True)
        return dict.fromkeys(known, per_class or 10)
    wanted: dict[str, int] = {}
    for text in counts:
        name, sign, number = text.rpartition("=")
        try:
            pattern = patterns.label_of(name if sign else text)
        except MismatchError as error:
            why = f"; {error}" if patterns.is_several else ""
            raise UsageError(f"--count {text}: the patterns are {patterns.listed}{why}") from None
        if not (number.strip().isascii() and number.strip().isdigit()):
            raise UsageError(f"--count {text}: write it as PATTERN=N, for instance {pattern}=50")
        wanted[pattern] = wanted.get(pattern, 0) + int(number)
    return wanted


def _form(form: str | None, out: Path) -> str:
    npz_name = out.suffix.lower() == ".npz"
    if form and (form == "npz") != npz_name:
        raise UsageError(
            f"--out {out} does not go with --format {form}: "
            "npz needs a name ending in .npz, pictures need a folder"
        )
    return form or ("npz" if npz_name else "class-folders")


def _like(like: Path | None, sizes: tuple[str, ...]) -> tuple[PatternSet, list[DieGrid]]:
    from edge.dataset.labelled_set import Part
    from edge.dataset.reading import load
    from edge.synth import typical_grids

    if like is not None and sizes:
        raise UsageError("--like and --size exclude each other; give one of them")
    if like is not None:
        real = load(like)
        if "part" in real.columns:
            real = real.part(Part.TRAIN)
        return real.patterns, [real.grid(index) for index in range(len(real))]
    return WM811K, [_round(text) for text in sizes] or typical_grids()


def _round(text: str) -> DieGrid:
    from edge.synth import round_grid

    grid = round_grid(*_size(text))
    if (dies := int(grid.sum())) < LEAST_DIES:
        what = f"--size {text}: {dies} dies are too few to tell patterns apart"
        raise UsageError(f"{what}; from {LEAST_DIES} on (8x8) they can be drawn")
    return grid


def _size(text: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    try:
        return int(rows), int(columns)
    except ValueError:
        raise UsageError(f"--size {text}: write it as ROWSxCOLUMNS, for instance 26x26") from None
