"""XML within bounds: no entities; elements by their local names.

A document type that only names the root or a file, which is never opened, is passed over.

Tools differ in the case of names (``OriginLocation``, ``Originlocation``), so it does not count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar
from xml.parsers import expat

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import FabMap
from edge.formats.fab.text import read_text

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: Elements in one another, and in all.
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 2_000_000

_DECLARATION: Final = re.compile(r"\A\s*(?:<\?xml[^>]*\?>)?")
#: A document type that declares nothing itself.
_TYPE: Final = r"\s*<!DOCTYPE[^\[<>]*>"
_FIRST_TYPE: Final = re.compile(_TYPE)
_BLANK: Final = re.compile(r"\s*")
_COMMENT: Final = "<!--", "-->"
#: The declaration of a further file behind the end of one.
_NEXT: Final = re.compile(rf">\s*<\?xml\s[^>]*\?>(?:{_TYPE})?")
#: What stands behind the end of a file; DOS ended texts so.
_END: Final = " \t\n\x1a"

_Item = TypeVar("_Item")


@dataclass(slots=True)
class Element:
    """An element.

    Attributes:
        name: Without its namespace, in lower case.
        attributes: By name without namespace, in lower case.
        text: All that stands directly in it, one piece after the other, CDATA too.
        children: The elements directly in it, in their order.
        line: Where it begins, from 1.
    """

    name: str
    attributes: dict[str, str]
    line: int
    # Nothing for the most part: of hundreds of thousands of elements each list counts.
    children: Sequence[Element] = ()
    pieces: Sequence[str] = ()

    @property
    def text(self) -> str:
        """All that stands directly in it, trimmed."""
        return "".join(self.pieces).strip()

    def get(self, *names: str) -> str:
        """The first of these attributes that is not blank, trimmed; empty for none."""
        values = (self.attributes.get(name.lower(), "").strip() for name in names)
        return next(filter(None, values), "")

    def all(self, *names: str) -> Iterator[Element]:
        """Every element of these names in it, at any depth, in the order of the file."""
        waiting, wanted = list(reversed(self.children)), {name.lower() for name in names}
        while waiting:
            element = waiting.pop()
            if element.name in wanted:
                yield element
            waiting.extend(reversed(element.children))

    def first(self, *names: str) -> Element | None:
        """The first of ``all``."""
        return next(self.all(*names), None)

    def said(self, *names: str) -> str:
        """The first text of an element of these names that is not empty; empty for none."""
        texts = (element.text for name in names for element in self.all(name))
        return next(filter(None, texts), "")


def read_xml(file: Source, source: str) -> Element:
    """The root of an XML file, which may be in any encoding that ``text`` knows.

    Several files behind one another, each with its declaration, stand in one root.

    Raises:
        InputError: it is not XML, is cut off, declares entities, or is too deep or too large.
    """
    # The declaration may name another encoding than the one it is in.
    whole = read_text(file, source)
    declared = _DECLARATION.match(whole)
    start = declared.end() if declared else 0
    start = _behind_type(whole, start)
    lines = whole.count("\n", 0, start)
    text, several = _NEXT.subn(_line_ends, whole[start:].rstrip(_END))
    if several:
        text = f"<several>{text}</several>"
    builder = _Builder(source, lines)
    try:
        builder.parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        what = f"line {error.lineno + lines}: not XML ({expat.ErrorString(error.code)})"
        raise InputError(source, InputKind.UNREADABLE, f"{what}; copy or export it again") from None
    root = builder.root.children[0]
    if several and root.text:
        what = f"text between XML files ({root.text[:20]!r}); copy or export it again"
        raise InputError(source, InputKind.UNREADABLE, what)
    return root


def _behind_type(text: str, start: int) -> int:
    """Where the text goes on behind its document type, if only comments stand before that."""
    at = start
    while (blank := _BLANK.match(text, at)) and text.startswith(_COMMENT[0], blank.end()):
        end = text.find(_COMMENT[1], blank.end() + len(_COMMENT[0]))
        if end < 0:
            return start
        at = end + len(_COMMENT[1])
    found = _FIRST_TYPE.match(text, at)
    return found.end() if found else start


def _line_ends(found: re.Match[str]) -> str:
    return ">" + "\n" * found[0].count("\n")


class _Builder:
    def __init__(self, source: str, lines: int) -> None:
        self.root = Element("", {}, 0)
        self._open = [self.root]
        self._source, self._lines = source, lines
        self._count = 0
        self._names: dict[str, str] = {}
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text, self.parser.buffer_size = True, 2**20
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            what = f"more than {MAX_ELEMENTS:,} elements, or {MAX_DEPTH} in one another"
            raise InputError(self._source, InputKind.TOO_LARGE, f"{what}; divide the file")
        local = {self._local(key): value for key, value in attributes.items()}
        line = self.parser.CurrentLineNumber + self._lines
        element, above = Element(self._local(name), local, line), self._open[-1]
        above.children = _more(above.children, element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        element = self._open[-1]
        element.pieces = _more(element.pieces, text)

    def _refuse(self, *_: object) -> None:
        what = "a document type (DOCTYPE) with declarations, which may be entities; remove it"
        raise InputError(self._source, InputKind.UNSUPPORTED, what)

    def _local(self, name: str) -> str:
        """A name without its namespace; the same text is kept once."""
        if (local := self._names.get(name)) is None:
            local = self._names[name] = name.rpartition(":")[2].lower()
        return local


def _more(items: Sequence[_Item], item: _Item) -> Sequence[_Item]:
    if isinstance(items, list):
        items.append(item)
        return items
    return [*items, item] if items else (item,)


def each_wafer(
    elements: Iterable[Element],
    source: str,
    read_one: Callable[[Element, str], Iterator[FabMap]],
    names: Callable[[Element], tuple[str, str]],
) -> Iterator[FabMap | InputError]:
    """The wafers of a file, numbered; one that cannot be read does not stop the others.

    Args:
        elements: One a wafer.
        source: Name of the file.
        read_one: Reads such an element, of this name for messages.
        names: Lot and wafer of such an element.
    """
    index = 0
    for element in elements:
        try:
            for fab in read_one(element, f"{source}[{index}]" if index else source):
                yield replace(fab, source=source, index=index)
                index += 1
        except InputError as error:
            yield error.of(*names(element))
            index += 1
