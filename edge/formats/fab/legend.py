"""What passes: a FabMap -> a wafer map of 0, 1, 2, by the file, an option or a recipe. No guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import STATES, Code, Codes, Defects, FabMap, Meaning, same_bin
from edge.formats.fab.recipe import DefectRules, Flip, Recipe, Side
from edge.formats.fab.rules import Rules
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid, WaferMap, check_grid

#: Quarter turns, counter-clockwise, that bring a side of the drawing down.
_TURNS: Final = {Side.DOWN: 0, Side.LEFT: 1, Side.UP: 2, Side.RIGHT: 3}

#: Words for a side that mean the same to every tool; a bare number does not.
_WORD: Final = re.compile(r"(?i)\b(down|bottom|lower|left|up|upper|top|right)\b")
_SIDES: Final = {
    "bottom": Side.DOWN, "lower": Side.DOWN, "top": Side.UP, "upper": Side.UP,
} | {side.value: side for side in Side}  # fmt: skip

_Grid = TypeVar("_Grid", Codes, DieGrid)

#: Codes that a message names; digits of a slot that are a number.
_SHOWN: Final = 12
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
        InputError: nobody says what passes, the counts in the file contradict it, or two recipes
            are for it.
    """
    found = rules.recipe_of(fab)
    name, recipe = found or ("", None)
    meanings, says = _meanings(fab, rules, recipe)
    _check_known(fab, meanings)
    states = [PASS if each is Meaning.PASS else FAIL if each is Meaning.FAIL else NO_DIE
              for each in meanings]  # fmt: skip
    dies = np.array([*states, NO_DIE], np.uint8)[fab.codes]
    by_defects = None
    if recipe and recipe.defects and fab.defects and says != "--pass-bins":
        dies = by_defects = _by_defects(dies, fab.defects, recipe.defects)
        says = "recipe"
    warnings = [*fab.warnings, *_against_stated(fab, dies)]
    side = side_of(fab.orientation, recipe)
    turned = _TURNS[side] if side else None
    dies = check_grid(np.rot90(_flipped(dies, recipe), turned or 0), _named(fab))
    if rules.drawn:
        rules.drawn(_told(fab, meanings, by_defects, recipe))
    helped = recipe is not None and says != "recipe"
    says = {"recipe": f"recipe {name}"}.get(says, says) + (f", recipe {name}" if helped else "")
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


def _told(
    fab: FabMap, meanings: list[Meaning], by_defects: DieGrid | None, recipe: Recipe | None
) -> FabMap:
    """The map as it is drawn, with all that is known of it by now, and nothing unknown."""
    known = [number for number, each in enumerate(meanings) if each is not Meaning.UNKNOWN]
    place = np.full(len(meanings) + 1, -1, np.int16)
    place[known] = np.arange(len(known))
    codes = place[fab.codes]
    legend = tuple(Code(fab.legend[number].text, meanings[number]) for number in known)
    if by_defects is not None:
        codes, legend = by_defects.astype(np.int16), STATES
    side = recipe.orientation.get(fab.orientation) if recipe else None
    moved = by_defects is not None or bool(recipe and recipe.flip)
    return replace(
        fab,
        codes=np.ascontiguousarray(_flipped(codes, recipe)),
        legend=legend,
        orientation=side.value if side else fab.orientation,
        defects=None if moved else fab.defects,
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
    words = {_SIDES[word.lower()] for word in _WORD.findall(orientation)}
    return words.pop() if len(words) == 1 else None


def _meanings(fab: FabMap, rules: Rules, recipe: Recipe | None) -> tuple[list[Meaning], str]:
    """What each code of the legend means, and who says what passes."""
    passing, no_die = recipe.pass_bins if recipe else (), recipe.none_bins if recipe else ()
    meanings, says = [], "file"
    for text, meaning in fab.legend:
        if text in rules.none_bins:
            meanings.append(Meaning.NULL)
        elif rules.pass_bins and not meaning.is_none:
            meanings.append(_passes(text, rules.pass_bins))
            says = "--pass-bins"
        elif meaning is not Meaning.UNKNOWN:
            meanings.append(meaning)
        elif text in no_die:
            meanings.append(Meaning.NULL)
        elif passing:
            meanings.append(_passes(text, passing))
            says = "recipe"
        else:
            meanings.append(Meaning.UNKNOWN)
    return meanings, says


def _passes(text: str, passing: Iterable[str]) -> Meaning:
    return Meaning.PASS if any(same_bin(text, each) for each in passing) else Meaning.FAIL


def _check_known(fab: FabMap, meanings: list[Meaning]) -> None:
    """Refuse a map with a code of which nobody says what it means."""
    used = set(np.unique(fab.codes).tolist())
    unknown = [
        code.text
        for number, code in enumerate(fab.legend)
        if meanings[number] is Meaning.UNKNOWN and number in used
    ]
    if not unknown:
        return
    shown = ", ".join(map(repr, unknown[:_SHOWN])) + ("" if len(unknown) <= _SHOWN else ", ...")
    said = {Meaning.PASS, Meaning.FAIL}.intersection(meanings)
    what = f"which codes pass; it has {shown}" if not said else f"what {shown} means"
    mend = (
        "say which pass (--pass-bins) and which are no die (--none-bins), or have a recipe say it"
    )
    text = "; ".join((f"the file does not say {what}", *fab.warnings, f"{mend} (--recipes)"))
    raise InputError(_named(fab), InputKind.AMBIGUOUS, text)


def _by_defects(dies: DieGrid, defects: Defects, rules: DefectRules) -> DieGrid:
    counts: npt.NDArray[np.bool_] = ~(defects.sizes < rules.min_size)  # NaN is not smaller
    if rules.classes:
        counts &= np.isin(defects.classes, rules.classes)
    counts &= ~np.isin(defects.classes, rules.ignored)
    failing = np.zeros(dies.shape, bool)
    failing[defects.rows[counts], defects.columns[counts]] = True
    return np.where(dies == NO_DIE, NO_DIE, np.where(failing, FAIL, PASS)).astype(np.uint8)


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
        raise InputError(_named(fab), InputKind.BAD_VALUE, f"{why}; {mend}")


def _named(fab: FabMap) -> str:
    return f"{fab.source}[{fab.index}]" if fab.index else fab.source
