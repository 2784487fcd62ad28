"""Which codes of a map pass, and who says it: the file, an option or a recipe. No guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, Defects, FabMap, Meaning, same_bin
from edge.formats.fab.grid import numbered
from edge.formats.fab.outside import LISTING
from edge.formats.fab.recipe import DefectRules, Recipe
from edge.formats.fab.rules import Rules

#: Who says what passes. A spreadsheet would take a dash at the beginning for a formula.
FILE: Final = "file"
OPTION: Final = "option --pass-bins"
RECIPE: Final = "recipe"

#: Codes that a message names.
_SHOWN: Final = 12
#: Words of codes that it names.
_WORDS: Final = 6


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
        passing: The codes that pass, so that all others fail, where an option says it of this map,
            or a recipe of one whose codes count defects.
        helped: The recipe says of a code that it is no die.
        warnings: What somebody should know.
    """

    meanings: list[Meaning]
    says: str
    passing: tuple[str, ...]
    helped: bool
    warnings: list[str]


def passing_of(fab: FabMap, rules: Rules, recipe: tuple[str, Recipe] | None) -> Passing:
    """What each code of the legend means, and who says what passes.

    Codes of an inspected wafer count defects and a file may say PASS and FAIL itself: passing bins
    of other files are none of theirs, and are left aside.

    Args:
        fab: The map.
        rules: What a user says of all maps.
        recipe: What is said of this one, and its name.

    Raises:
        UnsaidError: nobody says it of a code that occurs; or no die fails, and there are some of
            which a word of the file says neither pass nor fail.
    """
    no_die = () if fab.defects is not None else rules.none_bins
    used = [number for number in np.unique(fab.codes).tolist() if number >= 0]
    codes = (fab.legend[number] for number in used)
    verdicts = [code for code in codes if code.text not in no_die and _may_pass(code)]
    found = _named_by_user(fab, rules.pass_bins, recipe, verdicts)
    says = found.says
    by_name, is_listing = recipe[1] if recipe else None, fab.format in LISTING
    for code in fab.legend:
        meaning = _meaning(code, no_die, found, by_name, is_listing=is_listing)
        found.meanings.append(meaning)
    if found.passing:
        found.says = says
    if says == OPTION:
        found.warnings += _contradicted(fab, found.meanings, used)
    elif recipe:
        found.warnings += _against_recipe(fab, found.meanings, used, *recipe)
    _check_known(fab, found, used, rules)
    return found


def _named_by_user(
    fab: FabMap,
    option: tuple[str, ...],
    recipe: tuple[str, Recipe] | None,
    verdicts: Sequence[Code],
) -> Passing:
    """Who names the codes that pass before the file does, and a warning where that is no use."""
    found = Passing([], FILE, (), helped=False, warnings=[])
    ways = [(OPTION, option, "--pass-bins {}")]
    if recipe and fab.defects is not None:
        ways.append((RECIPE, recipe[1].pass_bins, f"pass_bins {{}} of recipe {recipe[0]}"))
    for says, bins, called in ways:
        if not bins or found.passing:
            continue
        if why := _aside(fab, bins, verdicts):
            what = called.format(",".join(bins))
            found.warnings.append(f"the file says what passes; {what} is left aside: {why}")
        else:
            found.passing, found.says = bins, says
    return found


def _meaning(
    code: Code,
    no_die: Sequence[str],
    found: Passing,
    recipe: Recipe | None,
    *,
    is_listing: bool,
) -> Meaning:
    """What a code means; one that fails since a file lists what passes may still be no die."""
    text, meaning = code
    if text in no_die:
        return Meaning.NULL
    if found.passing and _may_pass(code):
        return _passes(text, found.passing)
    unsaid = meaning in {Meaning.UNKNOWN, Meaning.OTHER}
    if recipe and text in recipe.none_bins and (unsaid or (meaning is Meaning.FAIL and is_listing)):
        found.helped = True
        return Meaning.NULL
    if not unsaid or recipe is None:
        return meaning
    fails = _passes(text, recipe.fail_bins) is Meaning.PASS
    if fails or recipe.pass_bins:
        found.says = RECIPE
        meaning = Meaning.FAIL if fails else _passes(text, recipe.pass_bins)
    return meaning


def _may_pass(code: Code) -> bool:
    """Whether passing bins say what a code is: not of one that the file says to be no die."""
    return code.meaning is Meaning.OTHER or not code.meaning.is_none


def _passes(text: str, passing: Iterable[str]) -> Meaning:
    return Meaning.PASS if any(same_bin(text, each) for each in passing) else Meaning.FAIL


def _aside(fab: FabMap, passing: Sequence[str], verdicts: Sequence[Code]) -> str:
    """Why passing bins are not for this map; empty where they are."""
    if any(code.meaning is Meaning.UNKNOWN for code in verdicts):
        return ""
    if fab.defects is not None:
        is_for = _passes("0", passing) is Meaning.PASS
        return "" if is_for else "its codes count defects, and 0 is none of these"
    is_for = any(_passes(code.text, passing) is Meaning.PASS for code in verdicts)
    return "" if is_for or not verdicts else "none of its dies has such a code"


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


def _against_recipe(
    fab: FabMap, meanings: Sequence[Meaning], used: Sequence[int], name: str, recipe: Recipe
) -> Iterator[str]:
    """A warning where the file says what a code is, and the recipe something else."""
    passing = () if fab.defects is not None else recipe.pass_bins
    listed = (
        (recipe.none_bins, Meaning.NULL),
        (recipe.fail_bins, Meaning.FAIL),
        (passing, Meaning.PASS),
    )
    said = {
        number: meaning
        for bins, meaning in listed
        for number in used
        if _passes(fab.legend[number].text, bins) is Meaning.PASS
    }
    if passing and Meaning.PASS not in said.values():  # what passes by the file does not by it
        said |= {n: Meaning.FAIL for n in used if meanings[n] is Meaning.PASS and n not in said}
    other = [
        fab.legend[number]
        for number, meaning in said.items()
        if meaning is not meanings[number] and not (meaning.is_none and meanings[number].is_none)
    ]
    if other:
        yield f"the file says otherwise than recipe {name} of {named(other)}; the file counts"


def named(codes: Iterable[Code]) -> str:
    """Codes in order of their numbers, for a message."""
    texts = sorted({code.text for code in codes}, key=order)
    return ", ".join(map(repr, texts[:_SHOWN])) + ("" if len(texts) <= _SHOWN else ", ...")


def order(text: str) -> tuple[bool, int, str]:
    """Where a code stands in a list: numbers first, by their size."""
    is_number = text.isascii() and text.isdecimal()
    return not is_number, int(text) if is_number else 0, text


def _check_known(fab: FabMap, found: Passing, used: Sequence[int], rules: Rules) -> None:
    """Refuse a map with a code of which nobody says what it means.

    One whose word says neither pass nor fail is no die, which is told. Where no die fails, that may
    be the word for those that do.
    """
    meanings = [found.meanings[number] for number in used]
    unknown, strange = (
        [fab.legend[n] for n, each in zip(used, meanings, strict=True) if each is meaning]
        for meaning in (Meaning.UNKNOWN, Meaning.OTHER)
    )
    notes = [
        *_words(
            fab, strange, "says neither pass nor fail: no die, unless somebody says what passes"
        )
    ]
    found.warnings += notes
    mend = "say which pass (--pass-bins) and which are no die (--none-bins), or have a recipe say"
    if unknown:
        shown = named(unknown)
        said = {Meaning.PASS, Meaning.FAIL}.intersection(found.meanings)
        what = f"which codes pass; it has {shown}" if not said else f"what {shown} means"
        notes = [*_words(fab, unknown, "says neither pass nor fail"), *notes]
        parts = [f"the file does not say {what}", *fab.warnings, *notes, f"{mend} it (--recipes)"]
    elif strange and Meaning.FAIL not in meanings:
        notes = [*_words(fab, strange, "says neither pass nor fail, and no die fails")]
        mend += " (--recipes): fail_bins or none_bins"
        parts = [*notes, *fab.warnings, mend]
    else:
        return
    error = UnsaidError(fab.name, InputKind.AMBIGUOUS, "; ".join(parts))
    error.of(fab.lot, fab.wafer or fab.slot)
    error.fab = fab if rules.drawn else None
    raise error


def _words(fab: FabMap, codes: Iterable[Code], says: str) -> Iterator[str]:
    """A note on codes of which the file has words that say neither pass nor fail."""
    counts = np.bincount(fab.codes[fab.codes >= 0], minlength=len(fab.legend)).tolist()
    dies = dict(zip(fab.legend, counts, strict=True))
    shown = [
        f"{fab.words[code.text]!r} of bin {code.text!r} ({dies[code]} dies)"
        for code in codes
        if code.text in fab.words
    ]
    if shown:
        more = ", ..." if len(shown) > _WORDS else ""
        yield f"BinQuality {', '.join(shown[:_WORDS])}{more} {says}"


def recounted(fab: FabMap, defects: Defects, rules: DefectRules) -> FabMap:
    """An inspected wafer by the defects that count: a die's code is the number of these.

    Args:
        fab: The wafer.
        defects: On it.
        rules: Which of them count.
    """
    counts: npt.NDArray[np.bool_] = ~(defects.sizes < rules.min_size)  # NaN is not smaller
    if rules.classes:
        counts &= np.isin(defects.classes, rules.classes)
    counts &= ~np.isin(defects.classes, rules.ignored)
    found = np.zeros(fab.codes.shape, np.int64)
    np.add.at(found, (defects.rows[counts], defects.columns[counts]), 1)
    is_die = np.array([not code.meaning.is_none for code in fab.legend] + [False])[fab.codes]
    codes, numbers = numbered(np.where(is_die, found, -1))
    return replace(
        fab,
        codes=codes,
        legend=tuple(Code(str(n), Meaning.FAIL if n else Meaning.PASS) for n in numbers),
        defects=Defects(
            defects.rows[counts],
            defects.columns[counts],
            defects.classes[counts],
            defects.sizes[counts],
        ),
    )
