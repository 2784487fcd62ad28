"""The pattern set: which patterns there are, in order, and what people call them.

It is data, and travels in the labelled set and in the model file. The nine of WM-811K are the
preset: that of files that name no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Final

from msgspec import Meta, Struct

from edge.system.choice import Choice
from edge.system.text import OBEYED
from edge.system.typed import MismatchError

#: Fewest and most patterns of a set, and the longest name.
FEWEST, MOST, LONGEST = 2, 64, 100

#: What people call wafers without a pattern.
NONE_NAMES: Final = ("none", "normal", "ok", "good", "pass")

#: What does not count in a spelling: blanks, underscores and hyphens of every kind, unless two
#: digits would become one number.
_BETWEEN: Final = re.compile(r"(?<=\d)[\s_\u2010-\u2015-]+(?=\d)|([\s_\u2010-\u2015-]+)")

#: The rule of spelling, for messages.
SPELLING: Final = "any case, with or without blanks, '_' and '-'"


class Pattern(Choice):
    """A failure pattern of WM-811K; the value is the spelling that WM-811K gives it."""

    CENTER = "Center"
    DONUT = "Donut"
    EDGE_LOC = "Edge-Loc"
    EDGE_RING = "Edge-Ring"
    LOC = "Loc"
    NEAR_FULL = "Near-full"
    RANDOM = "Random"
    SCRATCH = "Scratch"
    NONE = "none"


def spelled(text: str) -> str:
    """What counts of a spelling: two texts with the same one mean the same pattern."""
    if not text.isascii():
        import unicodedata

        text = unicodedata.normalize("NFC", text)
    return _BETWEEN.sub(lambda found: "" if found[1] else "-", text).casefold()


class PatternSet(Struct, frozen=True, dict=True):
    """Patterns in the order of a network's outputs.

    Attributes:
        names: 2 to 64, each a text of at most 100 characters, no two spelled alike.
        none: Which of them means that there is no pattern; None: none does.
        aliases: What else a pattern is called: {text: name}.
        hints: What a pattern usually points to, a line of text: {name: text}.

    Raises:
        MismatchError: one of these does not hold, naming which.
    """

    names: Annotated[tuple[str, ...], Meta(min_length=FEWEST, max_length=MOST)]
    none: str | None = None
    aliases: dict[str, str] = {}
    hints: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse what is no pattern set."""
        if not FEWEST <= len(self.names) <= MOST:
            what = f"must hold {FEWEST} to {MOST} patterns, it holds {len(self.names)}"
            raise MismatchError(("names",), what)
        said = self._checked_names()
        for place, name in (
            *((("aliases", alias), name) for alias, name in self.aliases.items()),
            *((("hints", name), name) for name in self.hints),
            *((("none",), name) for name in (self.none,) if name is not None),
        ):
            if name not in self.names:
                raise MismatchError(place, f"{name!r} is none of the patterns")
        for alias, name in self.aliases.items():
            if wrong := flaw(alias):
                raise MismatchError(("aliases",), f"{alias!r} {wrong}")
            if said.setdefault(spelled(alias), name) != name:
                what = f"is {said[spelled(alias)]!r} already"
                raise MismatchError(("aliases", alias), what)
        for name, hint in self.hints.items():
            if re.search(OBEYED, hint):
                raise MismatchError(("hints", name), "must be one line of text")

    def _checked_names(self) -> dict[str, str]:
        """Each name by its spelling."""
        said: dict[str, str] = {}
        for name in self.names:
            if wrong := flaw(name):
                raise MismatchError(("names",), f"{name!r} {wrong}")
            if other := said.get(spelled(name)):
                raise MismatchError(("names",), f"{other!r} and {name!r} are spelled alike")
            said[spelled(name)] = name
        return said

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def index(self, name: str) -> int:
        """The place of a name; ValueError where it is none of the patterns."""
        return self.names.index(name)

    def named(self, text: str) -> str | None:
        """The pattern that people mean by a spelling; None where it is none of these.

        Case, blanks, underscores and hyphens do not count (``Edge_Loc``, ``edge loc``,
        ``EdgeLoc``), unless two digits would become one number.
        """
        return self._spellings.get(spelled(text))

    def among(self, name: str, others: PatternSet) -> str | None:
        """Which of other patterns one of these is: by its name, its aliases, or as none is none."""
        if found := others.named(name):
            return found
        called = {others.named(alias) for alias, of in self.aliases.items() if of == name}
        called |= {others.none} if name == self.none else set()
        called -= {None}
        return called.pop() if len(called) == 1 else None

    @property
    def listed(self) -> str:
        """All names, for messages."""
        return ", ".join(self.names)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        usual = {spelled(word): self.none for word in NONE_NAMES} if self.none else {}
        own = {**self.aliases, **dict(zip(self.names, self.names, strict=True))}
        return {**usual, **{spelled(text): name for text, name in own.items()}}


def flaw(name: str) -> str:
    """Why a text cannot be the name of a pattern, behind the text; empty where it can."""
    if found := re.search(OBEYED, name):
        return f"holds a control character (U+{ord(found[0]):04X}); take it out"
    if not spelled(name):
        return "has no letter and no digit; give the pattern a name"
    if len(name) > LONGEST:
        return f"has {len(name)} characters, at most {LONGEST} can be a name"
    return ""


def named_set(names: Iterable[str], none: str | None = None) -> PatternSet:
    """The pattern set of names in any order: the preset where it knows them all.

    Else they stand in the order of the alphabet, with the one that means no pattern last, as in
    the preset.

    Args:
        names: No two spelled alike.
        none: Which of them means no pattern, in any spelling; None: the one that is called so
            (``NONE_NAMES``), where only one is.

    Raises:
        MismatchError: they are no pattern set, or ``none`` is none of them.
    """
    found = sorted(names, key=lambda name: (spelled(name), name))
    preset = none is None or WM811K.named(none) == WM811K.none
    if preset and all(map(WM811K.named, found)):
        return WM811K
    called = [name for name in found if spelled(name) in ([spelled(none)] if none else NONE_NAMES)]
    if none is not None and not called:
        raise MismatchError(("none",), f"{none!r} is none of the patterns: {', '.join(found)}")
    if len(called) > 1:
        what = f"{' and '.join(map(repr, called))} may both mean no pattern; say which does"
        raise MismatchError(("none",), what)
    others = (name for name in found if name not in called)
    return PatternSet((*others, *called), called[0] if called else None)


#: Pattern names of WM-811K, ``none`` last, otherwise by the alphabet.
PATTERNS: tuple[str, ...] = tuple(pattern.value for pattern in Pattern)

#: The preset, with the names that published sets give three of them.
WM811K: Final = PatternSet(
    PATTERNS,
    Pattern.NONE.value,
    {"Edge-Local": Pattern.EDGE_LOC.value, "Local": Pattern.LOC.value},
)
