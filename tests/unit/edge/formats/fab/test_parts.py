"""What all formats stand on: texts, XML, grids and lists, tokens."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pytest

from edge.errors import InputError, UsageError
from edge.formats.fab import text as texts
from edge.formats.fab.fab_map import Code, FabMap, Meaning, of_wafer, same_bin
from edge.formats.fab.grid import TokenGrid, placed
from edge.formats.fab.legend import wafer_of
from edge.formats.fab.rules import NO_RULES
from edge.formats.fab.text import read_lines, read_text
from edge.formats.fab.tokens import fixed_tokens
from edge.formats.fab.xml import MAX_DEPTH, Element, read_xml
from edge.wafer.wafermap import WaferMap

XML = """<?xml version="1.0" encoding="{0}"?>
<!-- a comment -->
<m:Maps xmlns:m="urn:x"><m:Map m:WaferId=" A-1 " Lot="">
<Row><![CDATA[00 & 01]]></Row><Row>µ</Row></m:Map></m:Maps>
"""


def xml(data: str | bytes) -> Element:
    return read_xml(BytesIO(data.encode() if isinstance(data, str) else data), "w.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("said", ["UTF-8", "UTF-16", "ISO-8859-1", "nonsense"])
def test_xml_whatever_its_declaration_says(encoding: str, said: str) -> None:
    root = xml(XML.format(said).encode(encoding))
    wafer = root.first("Map")
    assert (root.name, wafer and wafer.get("Lot", "WaferId")) == ("maps", "A-1")
    assert [row.text for row in root.all("Row")] == ["00 & 01", "µ"]
    assert [row.line for row in root.all("Row")] == [4, 4]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "DOCTYPE"),
        ("<a>&x;</a>", "line 1: not XML"),
        ("<a>\n<b>\n</a>", "line 3: not XML"),
        ("<?xml version='1.0'?>\n<a>\n<b", "line 3: not XML"),
        ("", "not XML"),
        ("<a>" * (MAX_DEPTH + 1), "in one another"),
    ],
)
def test_xml_that_is_none_or_may_harm_is_refused(data: str, word: str) -> None:
    with pytest.raises(InputError, match=re.escape(word)):
        xml(data)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_lines_are_numbered_whatever_ends_them(end: str) -> None:
    data = f"a\0 b\t{end}{end} é {end}c".encode()
    assert list(read_lines(BytesIO(data), "w")) == [(1, "a  b"), (3, "é"), (4, "c")]


def test_a_run_of_returns_is_read_in_time() -> None:
    text = read_text(BytesIO(b"a" + b"\r" * 2_000_000 + b"b"), "w")  # hours where it is quadratic
    assert len(text) == 2_000_002


def test_what_pads_the_end_of_a_text_is_none_of_it() -> None:
    assert read_text(BytesIO(b"a\0\n\x1a\0\0"), "w") == "a \n"


def test_texts_that_are_damaged_or_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="UTF-16 that is damaged at byte 4"):
        read_text(BytesIO(b"\xff\xfea\0\0\xd8"), "w")
    monkeypatch.setattr(texts, "MAX_TEXT", 10)
    with pytest.raises(InputError, match="divide it"):
        read_text(BytesIO(b"x" * 11), "w")
    monkeypatch.setattr(texts, "MAX_LINE", 5)
    with pytest.raises(InputError, match="line 2 is longer than 5"):
        list(read_lines(BytesIO(b"a\nbcdefg"), "w"))


def test_of_a_list_the_last_entry_of_a_die_counts() -> None:
    grid, replaced, corner = placed([-1, 0, -1, 1], [5, 5, 5, 7], [0, 1, 2, 3], "w", upwards=True)
    assert grid.tolist() == [[-1, -1, 3], [-1, -1, -1], [2, 1, -1]]
    assert (replaced, corner) == (1, (-1, 7))
    down = placed([-1, 0, -1, 1], [5, 5, 5, 7], [0, 1, 2, 3], "w", upwards=False)[0]
    assert np.array_equal(down, grid[::-1])


@pytest.mark.parametrize("far", [4096, 2**31, -(2**31), 2**62])
def test_a_die_that_is_far_away_is_refused(far: int) -> None:
    with pytest.raises(InputError, match="at most 4096 a side"):
        placed([0, 1], [0, far], [0, 0], "w", upwards=True)


def test_rows_that_never_end_and_codes_without_number_are_refused() -> None:
    grid = TokenGrid("w")
    for line in range(4096):
        grid.add(["1"], line)
    with pytest.raises(InputError, match="4097 x 1 dies; at most 4096"):
        grid.add(["1"], 4096)
    grid = TokenGrid("w")
    grid.add([f"{number}" for number in range(4000)], 1)
    with pytest.raises(InputError, match="more than 4096 different codes up to line 2"):
        grid.add([f"more {number}" for number in range(4000)], 2)
    with pytest.raises(InputError, match="0 x 0 dies"):
        TokenGrid("w").codes()


def test_tokens_keep_what_fits_and_are_never_alike() -> None:
    legend = tuple(
        Code(text, meaning)
        for text, meaning in (
            ("1", Meaning.PASS),
            ("01", Meaning.FAIL),
            ("A+", Meaning.FAIL),
            ("X", Meaning.INK),
        )
    )
    fab = FabMap(np.zeros((1, 1), np.int16), legend)
    tokens = fixed_tokens(fab, 2, {Meaning.NULL: "__"})
    assert [tokens[code] for code in legend] == ["01", "00", "02", "__"]
    many = tuple(Code(f"+{number}", Meaning.FAIL) for number in range(11))
    with pytest.raises(UsageError, match="choose another format"):
        fixed_tokens(FabMap(fab.codes, many), 1, {Meaning.NULL: "_"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1", "01", True), ("0", "000", True), ("a", "A", False), ("10", "1", False)],
)
def test_the_same_bin_in_another_width(one: str, other: str, same: bool) -> None:
    assert same_bin(one, other) is same


def test_a_wafer_map_becomes_a_fab_map_and_the_same_wafer_map_again() -> None:
    wafer = WaferMap(np.array([[0, 1], [2, 1]], np.uint8), "w", lot="L", wafer="01", slot=3)
    again = wafer_of(of_wafer(wafer), NO_RULES)
    assert np.array_equal(again.dies, wafer.dies)
    assert (again.lot, again.wafer, again.slot) == ("L", "01", 3)
