"""Which codes of a map pass, and who says it: the file, an option or a recipe. No guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, Codes, Defects, FabMap, Meaning, same_bin
from edge.formats.fab.recipe import DefectRules, Recipe
from edge.formats.fab.rules import Rules
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

#: Who says what passes. A spreadsheet would take a dash at the beginning for a formula.
FILE: Final = "file"
OPTION: Final = "option --pass-bins"
RECIPE: Final = "recipe"

#: Codes that a message names.
_SHOWN: Final = 12
#: Digits of a code that may be a number of defects.
_DIGITS: Final = 9


class UnsaidError(InputError):
    """Nobody says what passes.

    Attributes:
        fab: The map, for those who draw maps.
    """

    fab: FabMap | None = None


@dataclass
class Passing:
    """What each code of a legend means.

    Attributes:
        meanings: Of each code.
        says: ``FILE``, ``OPTION`` or ``RECIPE``.
        option: The codes of the option, where it is for this map.
        helped: The recipe says of a code that it is no die.
        warnings: What somebody should know.
    """

    meanings: list[Meaning]
    says: str
    option: tuple[str, ...]
    helped: bool
    warnings: list[str]


def passing_of(fab: FabMap, rules: Rules, recipe: Recipe | None) -> Passing:
    """What each code of the legend means, and who says what passes.

    Codes of an inspected wafer count defects and a file may say PASS and FAIL itself: passing bins
    of other files are none of theirs, and are left aside.

    Raises:
        UnsaidError: nobody says it of a code that occurs.
    """
    no_die = () if fab.defects is not None else rules.none_bins
    used = [number for number in np.unique(fab.codes).tolist() if number >= 0]
    codes = (fab.legend[number] for number in used)
    verdicts = [
        code for code in codes if code.text not in no_die and _may_pass(code, rules.pass_bins)
    ]
    aside = _aside(fab, rules.pass_bins, verdicts)
    found = Passing([], FILE, () if aside else rules.pass_bins, helped=False, warnings=aside)
    for code in fab.legend:
        found.meanings.append(_meaning(code, no_die, found, recipe))
    if found.option:
        found.says = OPTION
        found.warnings += _contradicted(fab, found.meanings, used)
    _check_known(fab, found.meanings, used, rules)
    return found


def _meaning(code: Code, no_die: Sequence[str], found: Passing, recipe: Recipe | None) -> Meaning:
    text, meaning = code
    if text in no_die:
        return Meaning.NULL
    if found.option and _may_pass(code, found.option):
        return _passes(text, found.option)
    if meaning not in {Meaning.UNKNOWN, Meaning.OTHER} or recipe is None:
        return meaning
    if text in recipe.none_bins:
        found.helped = True
        return Meaning.NULL
    fails = _passes(text, recipe.fail_bins) is Meaning.PASS
    if fails or (recipe.pass_bins and _may_pass(code, recipe.pass_bins)):
        found.says = RECIPE
        meaning = Meaning.FAIL if fails else _passes(text, recipe.pass_bins)
    return meaning


def _may_pass(code: Code, passing: Sequence[str]) -> bool:
    """Whether passing bins say what a code is; of one with a word of its own only by its name."""
    is_named = code.meaning is Meaning.OTHER and _passes(code.text, passing) is Meaning.PASS
    return is_named or not code.meaning.is_none


def _passes(text: str, passing: Iterable[str]) -> Meaning:
    return Meaning.PASS if any(same_bin(text, each) for each in passing) else Meaning.FAIL


def _aside(fab: FabMap, option: Sequence[str], verdicts: Sequence[Code]) -> list[str]:
    """A warning where the option is not for this map; nothing where it is."""
    if not option or any(code.meaning is Meaning.UNKNOWN for code in verdicts):
        return []
    if fab.defects is not None:
        if _passes("0", option) is Meaning.PASS:
            return []
        why = "its codes count defects, and 0 is none of these"
    elif not verdicts or any(_passes(code.text, option) is Meaning.PASS for code in verdicts):
        return []
    else:
        why = "none of its dies has such a code"
    what = f"the file says what passes; --pass-bins {','.join(option)} is left aside"
    return [f"{what}: {why}"]


def _contradicted(fab: FabMap, meanings: Sequence[Meaning], used: Sequence[int]) -> Iterator[str]:
    """A warning where the option counts and the file says something else."""
    pairs = ((fab.legend[number], meanings[number]) for number in used)
    other = [
        code
        for code, meaning in pairs
        if not meaning.is_none and code.meaning not in {meaning, Meaning.UNKNOWN, Meaning.OTHER}
    ]
    if other:
        yield f"the file says otherwise than --pass-bins of {named(other)}; the option counts"


def named(codes: Iterable[Code]) -> str:
    """Codes in order of their numbers, for a message."""
    texts = sorted({code.text for code in codes}, key=order)
    return ", ".join(map(repr, texts[:_SHOWN])) + ("" if len(texts) <= _SHOWN else ", ...")


def order(text: str) -> tuple[bool, int, str]:
    """Where a code stands in a list: numbers first, by their size."""
    is_number = text.isascii() and text.isdecimal()
    return not is_number, int(text) if is_number else 0, text


def _check_known(
    fab: FabMap, meanings: Sequence[Meaning], used: Sequence[int], rules: Rules
) -> None:
    """Refuse a map with a code of which nobody says what it means."""
    unknown = [fab.legend[number] for number in used if meanings[number] is Meaning.UNKNOWN]
    if not unknown:
        return
    shown = named(unknown)
    said = {Meaning.PASS, Meaning.FAIL}.intersection(meanings)
    what = f"which codes pass; it has {shown}" if not said else f"what {shown} means"
    mend = (
        "say which pass (--pass-bins) and which are no die (--none-bins), or have a recipe say it"
    )
    text = "; ".join((f"the file does not say {what}", *fab.warnings, f"{mend} (--recipes)"))
    error = UnsaidError(fab.name, InputKind.AMBIGUOUS, text)
    error.of(fab.lot, fab.wafer or fab.slot)
    error.fab = fab if rules.drawn else None
    raise error


def by_defects(
    dies: Codes | DieGrid, defects: Defects, rules: DefectRules, option: Sequence[str]
) -> DieGrid:
    """An inspected wafer by the defects that count: a die without any passes.

    Args:
        dies: 0, 1, 2 (rows, columns); 0 stays.
        defects: On it.
        rules: Which of them count.
        option: How many of them pass, in place of none.
    """
    counts: npt.NDArray[np.bool_] = ~(defects.sizes < rules.min_size)  # NaN is not smaller
    if rules.classes:
        counts &= np.isin(defects.classes, rules.classes)
    counts &= ~np.isin(defects.classes, rules.ignored)
    found = np.zeros(dies.shape, np.int64)
    np.add.at(found, (defects.rows[counts], defects.columns[counts]), 1)
    few = [int(each) for each in option if each.isdecimal() and len(each) <= _DIGITS]
    failing = ~np.isin(found, few) if few else found > 0
    return np.where(dies == NO_DIE, NO_DIE, np.where(failing, FAIL, PASS)).astype(np.uint8)
