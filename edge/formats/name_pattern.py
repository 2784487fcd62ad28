"""Lot, wafer and slot that a tool writes into names: ``{lot}_{wafer}``, ``{lot}/{wafer}.*``.

The language: ``{lot}``, ``{wafer}`` and ``{slot}`` (digits alone) are what is looked for, each once
at most; ``*`` is any text, all else is itself, letter for letter. ``/`` stands between folders: a
pattern of so many parts is held against the last so many parts of the path below the top (the
watched folder). Without a ``.`` behind its last field, or with ``.*`` at its end, it fits any
suffix.

Where a name can be divided in several ways it is read from its end: each field takes as little as
it can, ``*`` as much as it can. ``{lot}_{wafer}`` finds lot ``A_B`` and wafer ``07`` in ``A_B_07``.
No name takes longer than its length times that of the pattern, whoever chose it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.errors import InputError
from edge.formats.unpacking import unpacked_name
from edge.system.text import printable
from edge.wafer.wafermap import WaferMap

FIELDS: Final = ("lot", "wafer", "slot")

#: Longest pattern, in characters; a name's part has at most 255 bytes.
LONGEST: Final = 512

#: Digits of a slot that are a number; the store holds 63 bits.
_SLOT_DIGITS: Final = 9

_PIECE: Final = re.compile(r"\{([^{}]*)\}|\*+|([^{}*]+)|([{}])")
#: What stands between an archive, as if it were a folder, and a file in it; the place of a wafer.
_ARCHIVE: Final = re.compile(r"(?i)\.(?:zip|t(?:ar|gz|bz2?|xz)(?:\.(?:gz|bz2|xz))?)!")
_INDEX: Final = re.compile(r"\[\d+\]\Z")
_DIGITS: Final = re.compile(r"[0-9]+")


class Named(NamedTuple):
    """What a name says of a wafer.

    Attributes:
        lot: Lot, or None where the pattern does not ask for it.
        wafer: Wafer number or name, as it stands there, or None.
        slot: Cassette slot, or None.
    """

    lot: str | None = None
    wafer: str | None = None
    slot: int | None = None

    def __str__(self) -> str:
        known = [f"{key} {value}" for key, value in self._asdict().items() if value is not None]
        return printable(", ".join(known))


class _Token(NamedTuple):
    """A piece of a pattern: the name of a field, ``*``, or else a text to find as it is."""

    kind: str
    text: str = ""


class NamePattern:
    """A pattern, ready to be held against names.

    Args:
        text: As the user wrote it.

    Raises:
        ValueError: what is wrong, and where.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise ValueError(f"has {len(text)} characters, at most {LONGEST} are read")
        self._parts: list[list[_Token]] = []
        found: set[str] = set()
        position = 0
        bare = text.removesuffix(".*")
        for part in bare.split("/"):
            if not part:
                raise ValueError(f"position {position + 1}: a name is missing")
            self._parts.append(list(_tokens(part, position, found)))
            position += len(part) + 1
        if not found:
            raise ValueError("asks for nothing; write {lot}, {wafer} or {slot} where they stand")
        last = text.rpartition("/")[2].rpartition("}")[2]
        self._with_suffix = "." in last and bare == text

    def match(self, inner: str) -> Named | None:
        """What the path of a file below the top says; None where it does not fit."""
        names = inner.rsplit("/", len(self._parts))[-len(self._parts) :]
        if len(names) < len(self._parts) or os.pardir in names:
            return None
        if not self._with_suffix:
            names[-1] = os.path.splitext(names[-1])[0]  # noqa: PTH122 (hot path)
        found: dict[str, Any] = {}
        for tokens, name in zip(self._parts, names, strict=True):
            if not _divide(tokens, name, found):
                return None
        if "slot" in found:
            found["slot"] = int(found["slot"])
        return Named(**found)


class Names:
    """A pattern and what it is held against; counts the files whose names say nothing.

    Args:
        pattern: The pattern.
        folders: Of a file in one of them the path below it counts, of any other its whole path as
            given.
    """

    def __init__(self, pattern: NamePattern, folders: Iterable[str | Path] = ()) -> None:
        self._pattern = pattern
        # As a path is spelled that pathlib joined to a folder.
        spelled = [os.path.join(Path(folder), "") for folder in folders]  # noqa: PTH118
        self._folders = ["" if folder == "./" else folder for folder in spelled]
        self._missed = ""
        #: Files that did not fit.
        self.misses = 0

    def read(self, path: str) -> Named | None:
        """What a file's name says; None where it does not fit."""
        path = path_in(path)
        for folder in self._folders:
            if path.startswith(folder):
                path = path[len(folder) :]
                break
        return self._pattern.match(unpacked_name(path)) or self._pattern.match(path)

    def note(self, record: Mapping[str, Any]) -> str | None:
        """Count the file of a record if its name does not fit and it says nothing itself.

        At the first such file, a sentence for the user. Records of one file come one after the
        other.
        """
        if "error" in record or any(record.get(field) is not None for field in FIELDS):
            return None
        source: str = record["source"]
        if source == self._missed or self.read(source) is not None:
            return None
        self._missed = source
        self.misses += 1
        if self.misses > 1:
            return None
        return (
            f"{source} does not fit the name pattern {self._pattern.text}; its lot and wafer stay "
            "empty, like those of every other file that does not fit"
        )

    def apply(
        self, items: Iterable[WaferMap | InputError], path: str
    ) -> Iterator[WaferMap | InputError]:
        """Give a file's wafers what its name says.

        What a file itself says of a wafer stands. Of a file of several wafers the name says the
        lot alone: they cannot all be the one wafer. Files in an archive have names of their own.
        """
        begun = ""
        try:
            for name, group in groupby(items, partial(_name_of, path)):
                begun = name
                yield from self._apply(group, name)
        except InputError as error:
            name = _name_of(path, error)
            raise self._told(error, name, whole=name != begun) from error.__cause__

    def told(self, error: InputError, path: str) -> InputError:
        """The error of a file of which nothing was read, with what its name says."""
        return self._told(error, path, whole=True)

    def _told(self, error: InputError, name: str, *, whole: bool) -> InputError:
        named = self.read(name) or Named()
        return error.of(named.lot, named.wafer if whole else None)

    def _apply(
        self, items: Iterable[WaferMap | InputError], path: str
    ) -> Iterator[WaferMap | InputError]:
        named = self.read(path)
        if named is None:
            yield from items
            return
        reader = iter(items)
        first = next(reader, None)
        if first is None:
            return
        of_all = Named(named.lot)
        # Whether it is the only one shows when another follows.
        try:
            second = next(reader, None)
        except InputError:
            yield _given(first, of_all)
            raise
        yield _given(first, named if second is None else of_all)
        for item in chain([] if second is None else [second], reader):
            yield _given(item, of_all)


def path_in(source: str) -> str:
    """The path of a file, in which an archive is a folder."""
    return _ARCHIVE.sub("/", source)


def _name_of(path: str, item: WaferMap | InputError) -> str:
    """The file that an item is of: ``path``, or a file in that archive."""
    if not item.source.startswith(f"{path}!"):
        return path
    return _INDEX.sub("", item.source) if isinstance(item, InputError) else item.source


def _given(item: WaferMap | InputError, named: Named) -> WaferMap | InputError:
    if isinstance(item, InputError):
        return item.of(named.lot, named.wafer)
    own = {name: getattr(item, name) for name in FIELDS}
    said = {name: value for name, value in named._asdict().items() if own[name] is None}
    return replace(item, **said)


def _tokens(part: str, start: int, found: set[str]) -> Iterator[_Token]:
    """Pieces of one part of a pattern, which begins at ``start``; its fields join ``found``."""
    before = ""
    for piece in _PIECE.finditer(part):
        field, text, odd = piece.groups()
        place = f"position {start + piece.start() + 1}"
        if odd:
            raise ValueError(f"{place}: {odd} is one half of a field; write {{lot}}, {{wafer}} ...")
        if text:
            before = ""
            yield _Token("", text)
            continue
        if field is not None and field not in FIELDS:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ValueError(f"{place}: {{{field}}} is not known; known: {known} and *")
        if field in found:
            raise ValueError(f"{place}: {{{field}}} stands there twice; write * for one of them")
        if before:
            why = f"{place}: {piece[0]} follows {before} at once, and nothing tells where one ends"
            raise ValueError(f"{why}; write what stands between them")
        before = piece[0]
        if field is not None:
            found.add(field)
        yield _Token(field or "*")


def _divide(tokens: Sequence[_Token], name: str, found: dict[str, Any]) -> bool:
    """Share one part of a path out among tokens, and add the texts of fields; whether it fits.

    First from the start, where each token could end if what comes before it is to fit (as the bits
    of a number), then from the end, where each begins. So no name is gone through more than once a
    token.
    """
    starts = [1]
    for token in tokens:
        starts.append(_ends(token, name, starts[-1]))
    at = len(name)
    if not starts.pop() >> at & 1:
        return False
    for token, before in zip(reversed(tokens), reversed(starts), strict=True):
        if token.text:
            at -= len(token.text)
        elif token.kind == "*":
            at = (before & -before).bit_length() - 1
        else:
            start = (before & ((1 << at) - 1)).bit_length() - 1
            found[token.kind] = name[start:at]
            at = start
    return True


def _ends(token: _Token, name: str, starts: int) -> int:
    """Where a token can end, as bits, given where it may start."""
    ends = 0
    if token.text:
        at = name.find(token.text)
        while at >= 0:
            ends |= 1 << at
            at = name.find(token.text, at + 1)
        return (ends & starts) << len(token.text)
    if token.kind == "slot":
        for digits in _DIGITS.finditer(name):
            for at in range(*digits.span()):
                if starts >> at & 1:
                    ends |= (2 << min(at + _SLOT_DIGITS, digits.end())) - (2 << at)
        return ends
    first = starts & -starts  # everything from there on; a field has a letter at least
    return (2 << len(name)) - (first if token.kind == "*" else 2 * first) if first else 0
