"""The pattern set: which patterns there are, in order, and what people call them.

It is data, and travels in the labelled set and in the model file. The nine of WM-811K are the
preset: that of files that name no other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from edge.system.choice import Choice
from edge.system.text import OBEYED
from edge.system.typed import MismatchError

#: Fewest and most patterns of a set, and the longest name.
FEWEST, MOST, LONGEST = 2, 64, 100

#: What people call wafers without a pattern.
NONE_NAMES: Final = ("none", "normal", "ok", "good", "pass")

#: The label of wafers on which nothing is, of a set of several patterns a wafer; and what joins
#: the names of those that are.
NOTHING, JOINT = "none", "+"

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


class SetKind(Choice):
    """How many patterns of a set a wafer shows: one, or any of them at once, or nothing."""

    EXCLUSIVE = "exclusive"
    SEVERAL = "several"


class PatternSet(Struct, frozen=True, dict=True):
    """Patterns in the order of a network's outputs.

    A wafer's label is one of the names; of a set of ``several`` it is all that the wafer shows, in
    the set's order, joined by ``+``, or ``none``, which is then no pattern.

    Attributes:
        names: 2 to 64, each a text of at most 100 characters, no two spelled alike.
        none: Which of them means that there is no pattern; None: none does.
        aliases: What else a pattern is called: {text: name}.
        hints: What a pattern usually points to, a line of text: {name: text}.
        kind: How many of them a wafer shows; unset: one.

    Raises:
        MismatchError: one of these does not hold, naming which.
    """

    names: Annotated[tuple[str, ...], Meta(min_length=FEWEST, max_length=MOST)]
    none: str | None = None
    aliases: dict[str, str] = {}
    hints: dict[str, str] = {}
    kind: SetKind | UnsetType = UNSET

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
        self._check_kind()

    def _check_kind(self) -> None:
        """Refuse names that a label of several patterns could not hold."""
        if not self.is_several:
            force_setattr(self, "kind", UNSET)  # written as it was before there were others
            return
        if self.none is not None:
            what = f"of several patterns a wafer none means none of them: leave out {self.none!r}"
            raise MismatchError(("none",), what)
        for name in (*self.names, *self.aliases):
            if spelled(name) in NONE_NAMES:
                what = f"{name!r} means no pattern: of several patterns a wafer leave it out"
                raise MismatchError(("names",), what)
            if JOINT in name:
                what = f"{name!r} holds {JOINT!r}, which joins the names of patterns; rename it"
                raise MismatchError(("names",), what)

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
    def is_several(self) -> bool:
        """Whether a wafer may show several of them at once."""
        return self.kind is SetKind.SEVERAL

    @property
    def nothing(self) -> str | None:
        """The label of wafers without a pattern; None where there is none."""
        return NOTHING if self.is_several else self.none

    def label_of(self, text: str) -> str:
        """The one spelling of a label.

        Raises:
            MismatchError: it is none of this set, and why.
        """
        if not self.is_several:
            if (name := self.named(text)) is None:
                raise MismatchError((), f"{text!r} is none of {self.listed}")
            return name
        parts = text.split(JOINT)
        if len(parts) == 1 and spelled(text) in NONE_NAMES:
            return NOTHING
        found: list[str] = []
        for part in parts:
            name, of = self.named(part), f" in {text!r}" if len(parts) > 1 else ""
            if name is None and spelled(part) in NONE_NAMES:
                what = "stands beside a pattern: a wafer shows patterns, or none"
                raise MismatchError((), f"{part!r}{of} {what}")
            if name is None:
                raise MismatchError((), f"{part!r}{of} is none of {self.listed}")
            if name in found:
                raise MismatchError((), f"{name!r} stands twice in {text!r}")
            found.append(name)
        return self.joined(found)

    def joined(self, names: Collection[str]) -> str:
        """The label of a wafer that shows these of several patterns."""
        return JOINT.join(name for name in self.names if name in names) or NOTHING

    def shown(self, label: str) -> tuple[str, ...]:
        """The patterns that a wafer of a label, in the one spelling, shows; of nothing, none."""
        if label == self.nothing:
            return ()
        return tuple(label.split(JOINT)) if self.is_several else (label,)

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


def several_set(labels: Sequence[str]) -> PatternSet:
    """The set of several patterns a wafer that labels name: the preset where it knows them all.

    Raises:
        MismatchError: they are no such set.
    """
    parts = [part for label in labels for part in label.split(JOINT)]
    alike = {spelled(part): part for part in reversed(parts)}
    names = [name for key, name in sorted(alike.items()) if key not in NONE_NAMES]
    if all(map(WM811K_SEVERAL.named, names)):
        return WM811K_SEVERAL
    return PatternSet(tuple(names), kind=SetKind.SEVERAL)


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

#: The eight as a set of several a wafer.
WM811K_SEVERAL: Final = PatternSet(
    tuple(name for name in PATTERNS if name != WM811K.none),
    aliases=WM811K.aliases,
    kind=SetKind.SEVERAL,
)
