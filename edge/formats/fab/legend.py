"""What passes: a FabMap -> a wafer map of 0, 1, 2, by the file, an option or a recipe. No guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.die_width import UNSURE
from edge.formats.fab.fab_map import Code, Codes, FabMap, Meaning
from edge.formats.fab.outside import are_among, check_outside
from edge.formats.fab.passing import RECIPE, named, passing_of, recounted
from edge.formats.fab.recipe import Flip, Recipe, Side
from edge.formats.fab.rules import Rules
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid, WaferMap, check_grid

#: Quarter turns, counter-clockwise, that bring a side of the drawing down.
_TURNS: Final = {Side.DOWN: 0, Side.LEFT: 1, Side.UP: 2, Side.RIGHT: 3}

#: Words for a side that mean the same to every tool; a bare number does not.
_SIDES: Final = {
    "bottom": Side.DOWN, "lower": Side.DOWN, "top": Side.UP, "upper": Side.UP,
} | {side.value: side for side in Side}  # fmt: skip
#: What may stand beside one; of any other word nobody knows what it makes of it (Top view).
_BESIDE: Final = {"flat", "notch", "is", "at", "on", "to", "the", "side", "facing", "deg", "degree",
                  "degrees", "o", "clock"}  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+")

_Grid = TypeVar("_Grid", Codes, DieGrid)

#: Digits of a slot that are a number.
_SLOT_DIGITS: Final = 9


def judged(
    maps: Iterable[FabMap | InputError], rules: Rules, source: str
) -> Iterator[WaferMap | InputError]:
    """The wafer maps of a file.

    Yields:
        A wafer map each, or an ``InputError`` in place of one of several that cannot be used.

    Raises:
        InputError: the only wafer of the file cannot be used, or there is none.
    """
    held: WaferMap | InputError | None = None
    several = False
    try:
        for fab in maps:
            if held is not None:
                several = True
                yield held
            held = fab if isinstance(fab, InputError) else _judged(fab, rules)
    except InputError:
        if held is not None:
            yield held
        raise
    if held is None:
        raise InputError(source, InputKind.EMPTY, "no wafer in it; write the export again")
    if isinstance(held, InputError) and not several:
        raise held
    yield held


def _judged(fab: FabMap, rules: Rules) -> WaferMap | InputError:
    try:
        return wafer_of(fab, rules)
    except InputError as error:
        return error


def wafer_of(fab: FabMap, rules: Rules) -> WaferMap:
    """The wafer map of one FabMap, with notch or flat down where it is certain where it is.

    Raises:
        InputError: nobody says what passes, the counts in the file contradict it, all around
            the wafer fails, two recipes are for it, or nothing says how many characters a die has.
    """
    found = rules.recipe_of(fab)
    name, recipe = found or ("", None)
    is_cut = fab.of_width is not None
    if fab.of_width:
        if not (recipe and recipe.width):
            raise fab.refused(InputKind.AMBIGUOUS, UNSURE)
        fab = fab.of_width(recipe.width)
    counts_again = recipe is not None and recipe.defects is not None and fab.defects is not None
    if recipe and recipe.defects and fab.defects:
        fab = recounted(fab, fab.defects, recipe.defects)
    passing = passing_of(fab, rules, found)
    meanings, says = passing.meanings, passing.says
    states = [PASS if each is Meaning.PASS else FAIL if each is Meaning.FAIL else NO_DIE
              for each in meanings]  # fmt: skip
    dies = np.array([*states, NO_DIE], np.uint8)[fab.codes]
    if counts_again and not passing.passing:
        says = RECIPE
    warnings = [*fab.warnings, *passing.warnings, *_against_stated(fab, dies)]
    failing = recipe.fail_bins if recipe else ()
    warnings += _none_passes(fab, dies, passing.passing, failing)
    check_outside(fab, dies, failing)
    side = side_of(fab.orientation, recipe)
    turned = _TURNS[side] if side else None
    dies = check_grid(np.rot90(_flipped(dies, recipe), turned or 0), fab.name)
    if rules.drawn:
        rules.drawn(_told(fab, meanings, recipe))
    helped = passing.helped or counts_again or _turns(fab, recipe) or is_cut
    if says == RECIPE:
        says = f"recipe {name}"
    elif helped:
        says += f", recipe {name}"
    digits = fab.slot.isascii() and fab.slot.isdigit() and len(fab.slot) <= _SLOT_DIGITS
    return WaferMap(
        dies,
        source=fab.source,
        index=fab.index,
        lot=fab.lot or None,
        wafer=fab.wafer or fab.slot or None,
        slot=int(fab.slot) if digits else None,
        device=fab.device or None,
        retests=fab.retests,
        legend=says,
        turned=None if turned is None else 90 * turned,
        warning="; ".join(warnings) or None,
    )


def _told(fab: FabMap, meanings: list[Meaning], recipe: Recipe | None) -> FabMap:
    """The map as it is drawn, with all that is known of it by now, and nothing unknown."""
    known = [number for number, each in enumerate(meanings) if each is not Meaning.UNKNOWN]
    place = np.full(len(meanings) + 1, -1, np.int16)
    place[known] = np.arange(len(known))
    side = recipe.orientation.get(fab.orientation) if recipe else None
    return replace(
        fab,
        codes=np.ascontiguousarray(_flipped(place[fab.codes], recipe)),
        legend=tuple(Code(fab.legend[number].text, meanings[number]) for number in known),
        orientation=side.value if side else fab.orientation,
        defects=None if recipe and recipe.flip else fab.defects,
    )


def _flipped(drawing: _Grid, recipe: Recipe | None) -> _Grid:
    for flip in recipe.flip if recipe else ():
        drawing = np.fliplr(drawing) if flip is Flip.LEFT_RIGHT else np.flipud(drawing)
    return drawing


def side_of(orientation: str, recipe: Recipe | None = None) -> Side | None:
    """Which side of the drawing notch or flat is on; None where that is not certain.

    A recipe says it for what it lists; else a word does, and only if it is the only one.
    """
    if recipe and orientation in recipe.orientation:
        return recipe.orientation[orientation]
    words = set(map(str.lower, _WORD.findall(orientation))) - _BESIDE
    sides = {_SIDES.get(word) for word in words}
    return sides.pop() if len(sides) == 1 else None


def _turns(fab: FabMap, recipe: Recipe | None) -> bool:
    return bool(recipe and (recipe.flip or fab.orientation in recipe.orientation))


def _none_passes(
    fab: FabMap, dies: Codes | DieGrid, option: Sequence[str], failing: Sequence[str]
) -> Iterator[str]:
    """Refuse passing bins of an option that no die has; warn where file or recipe names them.

    Or where a recipe says of all codes that they fail.

    Codes of an inspected wafer count defects, and a file that states that none passed knows it.
    """
    if PASS in dies or FAIL not in dies or fab.stated.passed == 0 or fab.defects is not None:
        return
    codes = (fab.legend[number] for number in np.unique(fab.codes[dies == FAIL]).tolist())
    there = list(codes)
    if not option or are_among(there, failing):
        yield "no die has a code that passes"
        return
    what = f"no die has a code that passes (--pass-bins {','.join(option)})"
    mend = (
        f"it has {named(there)}, name those that pass, or in a recipe those that fail (fail_bins)"
    )
    raise fab.refused(InputKind.BAD_VALUE, f"{what}; {mend}")


def _against_stated(fab: FabMap, dies: Codes | DieGrid) -> Iterator[str]:
    """Hold the counts that the file states against the grid.

    Another total is the sign of a wrong legend; where only the split differs, a later step rewrote
    the grid, and that counts.
    """
    passed, failed = int(np.count_nonzero(dies == PASS)), int(np.count_nonzero(dies == FAIL))
    stated = fab.stated
    total = stated.tested
    if total is None and stated.passed is not None and stated.failed is not None:
        total = stated.passed + stated.failed
    pairs = (("passing", stated.passed, passed), ("failing", stated.failed, failed))
    split = [(what, said, got) for what, said, got in pairs if said not in (None, got)]
    if total not in (None, passed + failed):
        split = [("tested", total, passed + failed)]
    elif total is not None:
        for what, said, got in split:
            yield f"the file states {said} {what} dies, its map has {got}; the map counts"
        return
    if split:
        what, said, got = split[0]
        why = f"the file states {said} {what} dies, by this legend its map has {got}"
        mend = "say what passes with --pass-bins, and what is no die with --none-bins"
        may_be = [not code.meaning.is_none or code.meaning is Meaning.OTHER for code in fab.legend]
        most = int(np.count_nonzero(np.array([*may_be, False])[fab.codes]))
        if said > most:
            mend = f"no legend makes more than {most}: copy or export it again"
        raise fab.refused(InputKind.BAD_VALUE, f"{why}; {mend}")
