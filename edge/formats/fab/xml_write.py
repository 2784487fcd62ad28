"""What writes maps in XML: attributes, tokens of bins, and patterns behind the end of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Final

import numpy as np

from edge.formats.fab.fab_map import Code, FabMap, Finding, Meaning
from edge.formats.fab.text import one_line, utf16_of
from edge.formats.fab.tokens import fixed_tokens
from edge.formats.fab.xml import read_xml

#: What is written: characters of a bin, how those of dies look, and those of no die, and
#: some for the latter.
_KINDS: Final = {
    "Ascii": (1, "[0-9A-Za-z]", "[0-9A-Za-z.*+#@!?/:=_-]", list(".-*+#@")),
    "HexaDecimal": (
        2,
        "[0-9A-F]{2}",
        "[0-9A-F]{2}",
        [f"{number:02X}" for number in range(255, -1, -1)],
    ),
    "Decimal": (3, "[0-9]{1,3}", "[0-9]{3}", [f"{number:03}" for number in range(255, -1, -1)]),
}
#: What XML cannot hold, not even escaped.
_NO_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: How what ``write_back`` adds begins, on a line of its own.
_NOTE: Final = "<!-- wm-edge wafer "


def bins_of_writer(fab: FabMap) -> tuple[str, dict[Code, str], str, list[str]]:
    """BinType, a token for each code, NullBin, and the attributes of each bin's definition.

    Raises:
        UsageError: there are too many codes.
    """
    texts = {code.text for code in fab.legend if not code.meaning.is_none}
    kind = _kind_of(texts, {code.text for code in fab.legend} - texts)
    width, _, allowed, others = _KINDS[kind]
    taken = {text.rjust(width, "0") for text in texts}
    none: dict[Meaning, str] = {}
    kinds = [each for each in Meaning if each.is_none and each is not Meaning.OTHER]
    for code in fab.legend:
        text = code.text.rjust(width, "0")
        if code.meaning in kinds and text not in taken and re.fullmatch(allowed, text):
            taken.add(none.setdefault(code.meaning, text))
    for meaning in (Meaning.NULL, *kinds):
        free = (each for each in others if each not in taken)
        taken.add(none.setdefault(meaning, next(free, none.get(Meaning.NULL, ""))))
    tokens = fixed_tokens(fab, width, none, digits=kind == "Decimal")
    counts = np.bincount(fab.codes[fab.codes >= 0].astype(np.intp), minlength=len(fab.legend))
    totals = dict.fromkeys(tokens.values(), 0)
    for code, count in zip(fab.legend, counts.tolist(), strict=True):
        totals[tokens[code]] += count
    definitions = {
        tokens[code]: attributes(
            BinCode=tokens[code],
            BinCount=str(totals[tokens[code]]),
            BinQuality="" if code.meaning is Meaning.UNKNOWN else code.meaning.value.capitalize(),
        )
        for code in fab.legend
        if code.meaning not in {Meaning.NULL, Meaning.OTHER}
    }
    return kind, tokens, none[Meaning.NULL], list(definitions.values())


def _kind_of(dies: set[str], none: set[str]) -> str:
    """The BinType in which all texts, or at least those of the dies, stay as they are."""
    fitting = [
        (kind, all(re.fullmatch(likewise, text) for text in none))
        for kind, (_, own, likewise, _) in _KINDS.items()
        if all(re.fullmatch(own, text) for text in dies)
    ]
    return next((kind for kind, fits in fitting if fits), fitting[0][0] if fitting else "Decimal")


def rows_of_writer(fab: FabMap, tokens: dict[Code, str], null: str) -> list[list[str]]:
    """The drawing in tokens."""
    drawn: list[list[str]] = np.array([*(tokens[code] for code in fab.legend), null])[
        fab.codes
    ].tolist()
    return drawn


def attributes(**values: str) -> str:
    """Attributes for a start tag, those that are not empty, each behind a blank."""
    texts = ((name, escaped(value)) for name, value in values.items())
    return "".join(f' {name}="{text}"' for name, text in texts if text)


def escaped(text: str) -> str:
    """A text between tags or quotation marks, without what XML cannot hold."""
    text = one_line(_NO_XML.sub("", text)).replace("&", "&amp;").replace('"', "&quot;")
    return text.replace("<", "&lt;").replace(">", "&gt;")


def write_back(content: bytes, findings: Mapping[int, Finding]) -> bytes:
    """A file with what was found of its wafers behind its end, in comments that every reader skips.

    There no reader that goes through the elements of a wafer meets them. Comments of an earlier
    time are replaced, every other byte stays.

    Args:
        content: The file.
        findings: By the wafer's index in the file; letters that are not ASCII are written as
            Python escapes them.

    Raises:
        InputError: it is no XML.
    """
    read_xml(BytesIO(content), "the file to write into")
    encoding = utf16_of(content) or "ascii"
    begin, end = f"\n{_NOTE}".encode(encoding), "-->".encode(encoding)
    kept = re.sub(re.escape(begin) + b".*?" + re.escape(end), b"", content, flags=re.DOTALL)
    place = kept.rindex(">".encode(encoding)) + len(">".encode(encoding))
    notes = b""
    for index, finding in sorted(findings.items()):
        text = (
            one_line(", ".join(finding))
            .encode("ascii", "backslashreplace")
            .decode()
            .replace("--", "- -")
        )
        notes += f"\n{_NOTE}{index}: {text} -->".encode(encoding)
    return kept[:place] + notes + kept[place:]
