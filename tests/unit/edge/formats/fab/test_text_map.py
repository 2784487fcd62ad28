"""Text maps: a drawing with a header, in the ways that tools write them; lists of dies beside."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from edge.errors import InputError, InputKind
from edge.formats.fab import die_list, die_table, text_map
from edge.formats.fab.die_width import Said, width_of
from edge.formats.fab.fab_map import FabMap, Meaning, Stated
from edge.formats.fab.legend import wafer_of
from edge.formats.fab.rules import NO_RULES, rules_of
from edge.formats.paths import expand
from edge.formats.reading import read
from edge.formats.registry import by_content
from edge.wafer.wafermap import WaferMap

#: An L of fails (A): no turn and no flip of it is the same; no die in the corners, as of a wafer.
L = ["..1111..", ".1A1111.", "11A11111", "11A11111", "11AAA111", ".111111.", "..1111.."]
L_DIES = [[".1A".index(cell) for cell in row] for row in L]
PASS_1 = rules_of(["1"])


def turned(rows: list[str], turns: int, flipped: bool) -> list[str]:
    grid = np.rot90(np.array([list(row) for row in rows]), turns)
    return ["".join(row) for row in (np.fliplr(grid) if flipped else grid)]


def mapex(rows: list[str]) -> str:
    head = f"Device Name : P7\nLot No.     : L-1\nWafer ID    : 07\nMap Column  : {len(rows[0])}\n"
    return head + f"Map Row     : {len(rows)}\nFlat/Notch  : 0\n\n" + "\n".join(rows)


def bof(rows: list[str]) -> str:
    columns = range(len(rows[0]))
    rulers = ("".join(str(x // 10) for x in columns), "".join(str(x % 10) for x in columns))
    lines = [f"{y:03} {row}" for y, row in enumerate(rows, 1)]
    head = f"[BOF]\nPRODUCT ID : P7\nLOT ID     : L-1\nWAFER ID   : 07\nMAP ROW    : {len(rows)}\n"
    ruled = "".join(f"    {ruler}\n" for ruler in rulers)
    return f"{head}[SOFT BIN MAP]\n{ruled}\n" + "\n".join(lines) + "\n\n[EOF]\n"


def spaced(rows: list[str]) -> str:
    columns = range(len(rows[0]))
    ruled = "       " + " ".join(str(x % 10) for x in columns)
    lines = [" ".join(f"{y:03}") + "  " + " ".join(row) for y, row in enumerate(rows)]
    head = f"LOT ID : L-1\nWAFER ID : 07\nPRODUCT ID : P7\nMAP COLUMN : {len(rows[0])}\n"
    return f"{head}[SOFT BIN MAP]\n{ruled}\n\n" + "\n".join(lines) + "\n"


def blanks(rows: list[str]) -> str:
    return bof(rows).replace(".", " ")


def braces(rows: list[str]) -> str:
    head = f'WAFER_MAP = {{\nWAFER_ID = "07"\nLOT_ID = "L-1"\nDEVICE = "P7"\nROWS = {len(rows)}\n'
    said = 'NULL_BIN = "."\nBIN = "1" 9 "Pass" ""\nBIN = "A" 5 "Fail" "Open"\n'
    return f"{head}{said}MAP = {{\n" + "\n".join(rows) + "\n}\n}\n"


def map001(rows: list[str]) -> str:
    head = (
        f"VERSID 3.2\nDESIGN P7\nLOTMEA L-1\nFNLOC1 0\nROWCNT {len(rows)}\nCOLCNT {len(rows[0])}\n"
    )
    lines = [f"MAP{y:03} {row}" for y, row in enumerate(rows, 1)]
    return f"{head}PASBIN 1\nREFTP4 m\nSKIPDI .,X\nMAPID1 07\n" + "\n".join(lines) + "\n"


def barred(rows: list[str]) -> str:
    names = {".": "---", "1": "001", "A": "0A5"}
    lines = [
        f"{y:03} | {' '.join(names[cell] for cell in row)} | {y:03}" for y, row in enumerate(rows)
    ]
    columns = "      " + " ".join(f"{x:03}" for x in range(len(rows[0])))
    bar = "      " + "+".join(["---"] * len(rows[0]))
    said = 'BIN = "001" 9 "Pass"\nBIN = "0A5" 5 "Fail"\n'
    head = f"LOT_ID = L-1\nWAFER_ID = 07\nPRODUCT = P7\n{said}MAP_MATRIX =\n{columns}\n{bar}\n"
    return head + "\n".join(lines) + f"\n{bar}\n{columns}\n"


def glued(rows: list[str]) -> str:
    lines = [f"{y:03}{row}" for y, row in enumerate(rows)]
    return "MAPID1 07\nDESIGN P7\nLOTMEA L-1\nPASSED 1\n" + "\n".join(lines) + "\n"


def below(rows: list[str]) -> str:
    said = "[ Product Information ]\n\nProduct name = P7\nLot     name = L-1\nWafer-ID     = 07\n"
    return "\n".join(rows) + f"\n\n\n{said}X max coor.  = 79\n[ Wafer Bin Summary ]\nbin 1  9 90%\n"


def dies(rows: list[str]) -> str:
    codes = {"1": 1, "A": 10}
    lines = [
        f"{x - 3} {y - 3} {codes[cell]} 0"
        for y, row in enumerate(rows)
        for x, cell in enumerate(row)
        if cell in codes
    ]
    return (
        "Product:P7\nWafer Lots:L-1\nWafer No:07\n\n[MAP]:\n" + "\n".join(lines) + "\n\n## END ##\n"
    )


def around(code: str, width: int = 1, mark: str = "") -> str:
    names = {".": code, "1": "1".rjust(width, "0"), "A": "A".rjust(width, "0")}
    return "\n".join(mark.join(names[cell] for cell in row) for row in [".." + L[0][2:], *L[1:]])


HEAD = "LOT : L\nWAFER : 1\nCOLUMNS : 8\n"

FAMILIES = [mapex, bof, spaced, blanks, braces, map001, barred, glued, below, dies]


def maps(text: str | bytes) -> list[FabMap]:
    data = text if isinstance(text, bytes) else text.encode()
    module = die_list if b"[MAP]:" in data else text_map
    found = list(module.read_maps(BytesIO(data), "w.txt"))
    assert not [one for one in found if isinstance(one, InputError)]
    return [one for one in found if isinstance(one, FabMap)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flipped", [False, True])
def test_an_l_comes_out_the_right_way_up(
    family: Callable[[list[str]], str], turns: int, flipped: bool
) -> None:
    [fab] = maps(family(turned(L, turns, flipped)))
    wafer = wafer_of(fab, PASS_1)
    expected = np.rot90(np.array(L_DIES), turns)
    assert wafer.dies.tolist() == (np.fliplr(expected) if flipped else expected).tolist()
    assert (fab.lot, fab.wafer, fab.device) == ("L-1", "07", "P7")


@pytest.mark.parametrize("family", FAMILIES)
def test_content_tells_it_under_any_name(
    family: Callable[[list[str]], str], tmp_path: Path
) -> None:
    (tmp_path / "w.001").write_text(family(L))
    assert [Path(str(name)).name for name in expand([tmp_path])] == ["w.001"]
    [wafer] = read(tmp_path / "w.001", PASS_1)
    assert isinstance(wafer, WaferMap)
    assert wafer.dies.tolist() == L_DIES


@pytest.mark.parametrize("family", [braces, map001, barred])
def test_the_file_says_what_passes(family: Callable[[list[str]], str]) -> None:
    [fab] = maps(family(L))
    assert wafer_of(fab, NO_RULES).dies.tolist() == L_DIES


@pytest.mark.parametrize("family", [mapex, bof, spaced, blanks, glued, below, dies])
def test_or_it_does_not_and_nobody_guesses(family: Callable[[list[str]], str]) -> None:
    [fab] = maps(family(L))
    with pytest.raises(InputError, match="does not say"):
        wafer_of(fab, NO_RULES)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode().replace(b"\n", b"\r"),
        lambda text: text.encode().replace(b"\n", b"\r\n"),
        lambda text: text.encode().replace(b"\n", b"\r\n", 5).replace(b"L-1", b"L-1\0\0"),
        lambda text: text.replace("P7", "Gerät").encode("latin-1"),
    ],
)
@pytest.mark.parametrize("family", [mapex, dies])
def test_in_any_encoding(
    encode: Callable[[str], bytes], family: Callable[[list[str]], str], tmp_path: Path
) -> None:
    path = tmp_path / "w"
    path.write_bytes(encode(family(L)))
    [wafer] = read(path, PASS_1)
    assert isinstance(wafer, WaferMap)
    assert (wafer.dies.tolist(), wafer.lot) == (L_DIES, "L-1")


MEANINGS = [
    ("BIN = A;COUNT = 1;STATUS = FAIL;DESCR = BAD (1)", "A", Meaning.FAIL),
    ("BIN = A;COUNT = 1;STATUS = FAIL;DESCR = INKED", "A", Meaning.INK),
    ('BIN = "A" 1 "Fail" "Reference Die"', "A", Meaning.REFERENCE),
    ('BIN "A" 1 "Ink"', "A", Meaning.INK),
    ("PASS BIN : Bin60\n    Bin,  60,  9,  53.39%,   Symbol A,", "A", Meaning.PASS),
    ("PASS BIN : Bin60\n    Bin,  60,  9,  53.39%,   Symbol 1,\nBin, 61, 5, 1%, Symbol A,", "A",
     Meaning.FAIL),
    ("PASS BIN : Bin60\n    Bin,  60,  9,  53.39%,   Symbol 1,", "A", Meaning.UNKNOWN),
    ("PASS BIN : Bin60\n    Bin,  60,  9,  53.39%,   Symbol 1,\nBin, 61, 5, 1%, Symbol #,", "#",
     Meaning.FAIL),
    ("PASBIN 1\nTotal Test : 44", "#", Meaning.UNKNOWN),
    ("BINNAME, DIENUM, YIELD,MAPNAME,BINTYPE,DESCRIPTION\nBIN, 10, 5, 1%, A, FAIL, {[x]}", "A",
     Meaning.FAIL),
    ("BIN,  A,  5,  1%,  {[GOODBIN]}", "A", Meaning.PASS),
    ("A - Good  die(bin 10)    6   EA", "A", Meaning.PASS),
    ("BIN,  A,  5,  1%,  {[      ]}", "A", Meaning.UNKNOWN),
    ("PASBIN 1", "A", Meaning.FAIL),
    ("PASS BIN : 1", "A", Meaning.FAIL),
    ("PASBIN a\nSKIPDI .", "A", Meaning.UNKNOWN),
    ("PASBIN 1", "X", Meaning.UNKNOWN),
    ("PASBIN 1\nSKIPDI .", "X", Meaning.FAIL),
    ("PASBIN 1\nTotal Test : 44", "X", Meaning.FAIL),
    ("BIN = X;COUNT = 8;STATUS = FAIL\nPASBIN 1", "X", Meaning.FAIL),
    ("PASBIN 1-3\nTotal Fail : 9", "A", Meaning.UNKNOWN),
    ("PASBIN 1\nSKIPDI .,X", "A", Meaning.FAIL),
    ("PASBIN 1\nTotal Fail : 9", "A", Meaning.FAIL),
    ("BCEQU=1\nNULBC=.", "A", Meaning.FAIL),
    ("BCEQU=1A\nNULBC=.", "A", Meaning.PASS),
    ("Good die = Bin 1,Bin 1\nReference die = A", "A", Meaning.REFERENCE),
    ("NULBC\t65\nTARGBC\t43", "A", Meaning.NULL),
    ("NULL_BIN = A", ".", Meaning.UNKNOWN),
    ("LOT : 1", ".", Meaning.NULL),
    ("PASS BIN: 1\nFAIL BIN: X", "X", Meaning.FAIL),
    ("PASS BIN: 1\nFAIL BIN: 1", "1", Meaning.UNKNOWN),
    ("BIN 1: 38 (PASS)", "1", Meaning.PASS),
    ("BIN A : FAIL", "A", Meaning.FAIL),
    ("BIN = A COUNT = 6 FAIL", "A", Meaning.FAIL),
]  # fmt: skip


@pytest.mark.parametrize(("said", "code", "meaning"), MEANINGS)
def test_what_a_line_says_of_a_code(said: str, code: str, meaning: Meaning) -> None:
    rows = [row.replace("A", code) if code in "X#" else row for row in L]
    [fab] = maps(f"LOT : L\n{said}\n\n" + "\n".join(rows))
    assert dict(fab.legend)[code] is meaning


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("PASSED : 38\nFAILED : 6", None),
        ("Pass : 30\nFail : 14", "states 30 passing dies, its map has"),
        ("PASSED : 30\nFAILED : 14", "states 30 passing dies, its map has"),
        ("PASSED : 38\nTested : 50", "states 50 tested dies, by this legend its map has"),
        ("PASSED : 38\nFAILED : 41", "states 79 tested dies, by this legend its map has"),
        ("PASSED : 38\nTested : 50", "no legend makes more than 44: copy or export it again"),
        ("PASSED : 30\nTested : 40", "say what passes with --pass-bins"),
        ("FAILED : 41", "states 41 failing dies, by this legend its map has"),
    ],
)
def test_counts_under_any_name_are_held_against_the_map(said: str, word: str | None) -> None:
    [fab] = maps(f"LOT : L\n{said}\n\n" + "\n".join(L))
    try:
        told = wafer_of(fab, PASS_1).warning
    except InputError as error:
        told = error.reason
    assert (word in told) if word and told else word == told


ROWS = "ROWS : 7\n\n"
BLANK = [row.replace(".", " ") for row in L]
WAYS = [
    "\n".join(f"{y:02} {row}" for y, row in enumerate(BLANK, 1)) + "\n[X]----+---\n       5\n",
    "\n".join(BLANK),
    "\n".join(row.rstrip() for row in BLANK),
    "\n\n".join(L),
    "\n\n".join(f"{y:03} {row}" for y, row in enumerate(L)),
    "Title...\n\n" + "\n".join(L),
    "\n".join(f'"{row}"' for row in L),
    "\n".join(f"  '{row}'," for row in L),
    "01234567\n" + "\n".join(L),
    "\n".join(f"   {row}  " for row in L),
    "\n".join(",".join(row) for row in L),
    "\n".join(f"{y:02}  {row}  {y:02}" for y, row in enumerate(L)),
    "    01234567\n" + "\n".join(f"{y + 5:3} {row}" for y, row in enumerate(L)),
    "   |01234567\n---+--------\n" + "\n".join(f"{y:03}|{row}|" for y, row in enumerate(L)),
    "\n".join(f"{7 - y:03} {row}" for y, row in enumerate(L)),
    "\n".join(f"Row {y}: {row}" for y, row in enumerate(L, 1)),
    "\n".join(" ".join({".": ".", "1": "1", "A": "10"}[cell] for cell in row) for row in L),
    "\n".join("".join({".": "__", "1": "01", "A": "0A"}[cell] for cell in row) for row in L),
    "MAP:\n" + "\n".join(L) + "\nEND\n",
    "--------\n" + "\n".join(L) + "\n========\n",
    "ROWS : 7\n\n" + "\n".join(f'"{row}"' for row in L),
    "\n".join(L) + "\n\n1 : PASS\n",
    ROWS + "\n".join("".join({".": "  ", "1": "01", "A": "0A"}[cell] for cell in row) for row in L),
    ROWS
    + "\n".join("".join(cell.rjust(2) for cell in row).replace(".", " ").rstrip() for row in L),
    ROWS + "\n".join(" ".join(cell.rjust(2) for cell in row).replace(".", " ") for row in L),
    ROWS + "\n".join(" ".join(row).replace(".", " ") for row in L),
    ROWS
    + "\n".join("".join(cell.rjust(3, "0") for cell in row).replace("00.", "   ") for row in L),
    ROWS + "\n".join("\t".join(row).replace(".", "") for row in L),
    ROWS + "\n".join("".join(f"{cell}\t" for cell in row).replace(".", "") for row in L),
    ROWS + "\n".join("".join(f"\t{cell}" for cell in row).replace(".", "") for row in L),
    ROWS + "\n".join(f"{y:03} {' '.join(row).replace('.', ' ')}" for y, row in enumerate(L)),
    "\n".join(" ".join(cell.rjust(3, "0") for cell in row).replace("00.", "---") for row in L),
    "\n".join("".join(cell.rjust(3, "0") for cell in row).replace("00.", "---") for row in L),
]


#: Those that need no number of columns.
FREE = WAYS[:9]


@pytest.mark.parametrize("rows", WAYS)
def test_rows_in_other_ways(rows: str) -> None:
    text = f"LOT : L\nWAFER : 1\n{'' if rows in FREE else 'COLUMNS : 8'}\n\n{rows}\n"
    found = by_content(text.encode())
    assert found is not None
    assert found.name == "text map"
    [fab] = maps(text)
    assert wafer_of(fab, PASS_1).dies.tolist() == L_DIES


def test_tokens_of_several_widths_with_a_list_of_bins_below() -> None:
    names = {".": " ..", "1": "  1", "A": " 12"}
    rows = "\n".join(" ".join(names[cell] for cell in row) + " " for row in L)
    said = "Bin: Sbin  Count  Yield  P/F  Name\nBin:   1     39  88.6%   P   good\n"
    said += "Bin:  12      5  11.4%   F   open\n\nYield: 88.6 percent [39/44]\n"
    [fab] = maps(f"Lot : L\n<Bin_Map>\n{rows}\n     Notch Down \n<\\Bin_Map>\n\n{said}")
    assert wafer_of(fab, NO_RULES).dies.tolist() == L_DIES
    assert (fab.orientation, fab.warnings) == ("Down", ())


@pytest.mark.parametrize(
    ("text", "code"),
    [(f"{HEAD}\n{around(code)}", code) for code in "0-@#*"]
    + [(f"{HEAD}\n{around(code * 2, 2, mark)}", code * 2) for code in "0F@" for mark in ("", " ")]
    + [(around("0", mark=","), "0"), (around("FF", 2, " "), "FF"),
       ("x,y,bin\n" + "".join(f"{x},{y},{cell}\n" for y, row in enumerate(around("0").split("\n"))
                              for x, cell in enumerate(row)), "0"),
       ("ROWCT:7\nBCEQU:01\nRowData:" + around("00", 2, " ").replace("\n", "\nRowData:"), "00")],
)  # fmt: skip
def test_what_fails_all_around_a_wafer_is_no_die(text: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "w.txt"
    path.write_text(text)
    passing = ["1", "01"]
    with pytest.raises(InputError, match=f"--none-bins={re.escape(code)}, or none_bins"):
        list(read(path, rules_of(passing)))
    [wafer] = read(path, rules_of(passing, [code]))
    assert isinstance(wafer, WaferMap)
    assert wafer.dies.tolist() == L_DIES


def test_what_stands_outside_a_wafer_alone_is_no_die() -> None:
    [fab] = maps("\n".join(["D" + row[1:] for row in L[:1]] + L[1:]) + "\nLOT : L\nWAFER : 1\n")
    with pytest.raises(InputError, match="--none-bins=D"):
        wafer_of(fab, PASS_1)
    assert wafer_of(fab, rules_of(["1"], ["D"])).dies.tolist() == L_DIES


def test_what_a_header_counts_may_fail_all_around() -> None:
    [fab] = maps(f"{HEAD}Total Test : 56\n\n{around('0')}")
    assert wafer_of(fab, PASS_1).dies[0, 0] == 2


@pytest.mark.parametrize(
    ("text", "width"),
    [
        (HEAD + "\n" + "\n".join(f"{y:03}|{' '.join(row)}|" for y, row in enumerate(L)), 1),
        (HEAD + "\n" + "\n".join("\t".join(row) for row in [*L[:3], "X1111111", *L[4:]]), 1),
        ("LOT : L\nWAFER : 1\n\n" + "\n".join(f"0{first}{' 01' * 7}" for first in "0012011"), 2),
    ],
)
def test_no_row_is_taken_for_what_stands_around_a_drawing(text: str, width: int) -> None:
    [fab] = maps(text)
    assert fab.codes.shape == (7, 8)
    assert {len(code.text) for code in fab.legend} == {width}


def test_a_rectangle_without_empty_corners_needs_a_header() -> None:
    rows = "\n".join(row.replace(".", "1") for row in L)
    text = f"LOT : L\nWAFER : 1\n\n{rows}"
    found = by_content(text.encode())
    assert found is not None
    assert found.name == "text map"
    assert maps(text)[0].codes.shape == (7, 8)
    for other in (rows, text.replace("1", '"')):
        assert by_content(other.encode()) is None


def test_counts_size_and_side() -> None:
    said = "Total Tested : 40\nTotal Pass : 35\nTotal Fail : 5\nX_SIZE = 1.05mm\nY_SIZE = 2mm\n"
    [fab] = maps(mapex(L).replace("Flat/Notch  : 0", f"{said}Flat/Notch  : Left"))
    assert (fab.stated, fab.pitch, fab.orientation) == (
        Stated(None, 35, 5), (1050.0, 2000.0), "Left",
    )  # fmt: skip
    with pytest.raises(InputError, match="40 tested dies, by this legend its map has 44"):
        wafer_of(fab, rules_of(["1"], ["X"]))
    assert maps(mapex(L).replace("Flat/Notch  : 0", "notch-DOWN"))[0].orientation == "DOWN"
    assert maps(f"XDIES : 1e999\nYDIES : 2\nDUTMS : mm\n{mapex(L)}")[0].pitch is None
    for unit in ("DUTMS : mm", "unit : none"):
        with pytest.raises(InputError, match=r"a die size of -1.* must not be negative"):
            maps(f"XDIES : -1\nYDIES : 2\n{unit}\n{mapex(L)}")


def test_several_keys_in_a_line_and_sides_that_contradict_each_other() -> None:
    said = "W/F ID:L-1 -16  OP:  7   LOT NO: L-1\nFlat: Left    Notch : DOWN\nDevice:   A:7\n"
    [fab] = maps(said + "\n".join(L) + "\n\nTOTAL= 44  PASS= 38  FAIL= 6   YIELD= 81.8%\n")
    assert (fab.wafer, fab.lot, fab.device) == ("L-1 -16", "L-1", "A:7")
    assert (fab.orientation, fab.stated) == ("Left / DOWN", Stated(None, 38, 6))


def test_lot_and_wafer_may_stand_by_their_places_where_the_files_name_says_so() -> None:
    said = "UMC\nL7\n{}\nL7_L7-09.UMC\nROWCNT 7\nCOLCNT 8\nPASBIN 1\nNODI   .,X\n"
    [fab] = maps(said.format("L7-09") + "\n".join(L))
    assert (fab.lot, fab.wafer) == ("L7", "L7-09")
    [fab] = maps(said.format("L8-09") + "\n".join(L))
    assert (fab.lot, fab.wafer) == ("", "")


def test_a_mark_is_what_no_bin_is_where_the_list_has_all_dies() -> None:
    rows = "\n".join(["..1111!.", *L[1:]])
    said = 'DIES = {}\nBIN = "1" 38 "Pass" ""\nBIN = "A" 6 "Fail" ""\n'
    assert dict(maps(f"{said.format(44)}\n{rows}")[0].legend)["!"] is Meaning.MARK
    assert dict(maps(f"{said.format(45)}\n{rows}")[0].legend)["!"] is Meaning.UNKNOWN


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_codes_may_be_any_letters(encoding: str) -> None:
    rows = [row.replace("1", "¡").replace(".", "~") for row in L]
    text = "LOT\tL-1\nWAFER\t07\nNULBC\t126\n\n" + "\n".join(rows) + "\n\nCHECKSUM\tFJ\n"
    found = by_content(text.encode(encoding))
    assert found is not None
    assert found.name == "text map"
    [fab] = maps(text.encode(encoding))
    assert wafer_of(fab, rules_of(["¡"])).dies.tolist() == L_DIES


def test_several_wafers_a_file_with_headers_above_or_below() -> None:
    for family in (mapex, bof, below, dies):
        second = re.sub(r"(?m)(?<=[ :])07$", "08", family(turned(L, 1, False)))
        one, other = maps(f"{family(L)}\n{second}")
        assert [(each.wafer, each.index) for each in (one, other)] == [("07", 0), ("08", 1)]
        assert wafer_of(other, PASS_1).dies.tolist() == np.rot90(L_DIES).tolist()


def test_what_is_said_once_above_several_wafers_holds_for_all_that_say_no_lot() -> None:
    drawing = "\n".join(L)
    head = "LOT: A\nDEVICE: D\nPASS BIN: 1\n"
    text = f"{head}WAFER: 1\n{drawing}\nWAFER: 2\n{drawing}\n\nLOT: B\nWAFER: 3\n{drawing}\n"
    one, two, other = maps(text)
    assert (two.lot, two.wafer, two.device, two.legend) == ("A", "2", "D", one.legend)
    assert (other.lot, other.device) == ("B", "")
    assert dict(other.legend)["1"] is Meaning.UNKNOWN


@pytest.mark.parametrize("end", ["", "\n"])
def test_what_stands_below_a_drawing_is_not_said_of_the_next(end: str) -> None:
    drawing = "\n".join(L)
    first = f"{drawing}\n\nLOT ID : L-1\nWAFER ID : 07\nPASS BIN : 1\n"
    found = text_map.read_maps(BytesIO(f"{first}{drawing}{end}".encode()), "w.txt")
    assert getattr(next(found), "wafer", None) == "07"
    with pytest.raises(InputError, match="line 12 begins another map"):
        next(found)
    one, other = maps(f"{first}{drawing}\n\nWAFER ID : 08{end}")
    assert (one.lot, other.lot, other.wafer) == ("L-1", "", "08")
    assert dict(other.legend)["1"] is Meaning.UNKNOWN


def test_two_maps_of_one_wafer_are_refused_and_others_are_not() -> None:
    text = "".join(mapex(L).replace("07", wafer) + "\n\n" for wafer in ("07", "08", "07"))
    found = list(text_map.read_maps(BytesIO(text.encode()), "w.txt"))
    assert [isinstance(each, InputError) for each in found] == [True, False, True]
    assert "2 maps of one wafer" in str(found[0])


SEPARATED = {
    "tabs": "\n".join("\t".join(row).replace(".", "") for row in L),
    "tabs and points": "\n".join("\t".join(row) for row in L),
    "commas": "\n".join(",".join(row).replace(".", "") for row in L),
    "two digits": "\n".join("\t".join(row).replace("A", "17") for row in L),
    "columns to the left": "   76543210\n" + "\n".join(f"{y:2} {row}" for y, row in enumerate(L)),
    "down, blanks in front": "\n".join(f"{12 - y:2} {row}" for y, row in enumerate(L)),
    "down, blanks behind": "\n".join(f"{12 - y:<2} {row}" for y, row in enumerate(L)),
    "down, blanks alone": "\n".join(f"{12 - y:<2} {row}" for y, row in enumerate(L)).replace(
        ".", " "
    ),
}


@pytest.mark.parametrize("rows", SEPARATED.values(), ids=SEPARATED)
def test_rows_as_spreadsheets_and_counting_down_have_them(rows: str, tmp_path: Path) -> None:
    path = tmp_path / "w.txt"
    path.write_text(f"LOT: A\nWAFER: 5\nPASS BIN: 1\n{rows}\n")
    [wafer] = read(path)
    assert isinstance(wafer, WaferMap)
    assert (wafer.dies.tolist(), wafer.wafer) == (L_DIES, "5")


def test_a_wafer_that_is_drawn_without_a_header_needs_somebody_who_says_what_passes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "w.dat"
    path.write_text("\n".join(L))
    [wafer] = read(path, PASS_1)
    assert isinstance(wafer, WaferMap)
    assert wafer.dies.tolist() == L_DIES
    with pytest.raises(InputError, match="--pass-bins"):
        list(read(path))


BAD = [
    (mapex(L).replace("Map Row     : 7", "Map Row     : 8"), "7 rows, and its header promises 8"),
    (mapex(L).replace("Map Row     : 7", "Map Row     : 1000000"), "at most 4096"),
    (mapex(L).replace("Map Row     : 7", "Map Row     : -7"), "must be a whole number"),
    (mapex(L).replace("11AAA111", "11AAA11"), "line 12 has 7 dies, the rows above have 8"),
    (bof(L).replace("004 11A11111\n", ""), "line 13 must begin with 004, the number of its row"),
    (mapex(L) + "\n\n" + "\n".join(L), "begins another map"),
    (mapex(L).replace("11AAA111", "11AA 111"), "line 12 has blanks among its dies"),
    ("Lot : 1\nWafer : 2\n", "no drawing of a wafer"),
    (HEAD + "ROWS : 7\n\n" + "\n".join(
        f"{y:03} " + ",".join(cell.rjust(2) for cell in row).replace(".", " ")
        for y, row in enumerate(L)), "no die; write the rows without"),
    (HEAD + "\n" + around("....", 4), "32 characters, and its header promises 8 columns"),
    (HEAD + "\n" + around("---", 3, " ").replace("001", "01", 1), "no drawing"),
    (HEAD + "\n" + around("---", 3, " ").replace("001 ", "", 1), "the rows above have 7"),
    ("Lot : 1\n[SOFT BIN MAP]\n" + "1\n" * 5000, "at most 4096 a side"),
    (dies(L).replace("-1 -3 1 0", "-1 2147483648 1 0"), "line 6 of the list is not `x y bin`"),
    (dies(L).replace("-1 -3 1 0", "-1 214748364 1 0"), "at most 4096 a side"),
    ("Lot : 1\n[MAP]:\n", "a list without any die"),
    (bof(L).replace("[EOF]", ""), r"its end \(\[eof\]\) is missing"),
    (braces(L)[:-2], "its end"),
    ("<Bin_Map>\nLot : 1\nWafer : 1\n" + "\n".join(L), "its end"),
    ("Lot : 1\n[MAP]:\n10 10 13\n10 11 13\n10 12 1", "no end and is shorter than all rows above"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "word"), BAD)
def test_a_bad_file_is_refused_with_a_word(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        maps(text)


PAIRS = {".": "..", "1": "12", "A": "AF"}
JOINED = "\n".join("".join(PAIRS[cell] for cell in row) for row in L)
UNSURE = [
    (JOINED, 2),
    (JOINED.replace("..", "00"), 2),
    (around("---", 3), 3),
    (around("FF", 2).replace("0A", "F2"), 2),
    ("\n".join(f"{y:03} {' '.join(row).replace('.', ' ')}" for y, row in enumerate(L)), 2),
    (JOINED.replace(".", " "), 2),
    ("\n".join("".join(2 * cell for cell in row) for row in L), 1),
    ("\n".join(["1" * 16] * 7), 1),
]


@pytest.mark.parametrize(("rows", "width"), UNSURE)
def test_a_recipe_says_how_many_characters_a_die_has_where_nothing_does(
    rows: str, width: int, tmp_path: Path
) -> None:
    [fab] = maps(f"LOT : 1\nWAFER : 2\nROWS : 7\n\n{rows}")
    with pytest.raises(InputError, match="lot 1, wafer 2: each die may have one character or sev"):
        wafer_of(fab, PASS_1)
    (tmp_path / "r.toml").write_text(f"width = {width}\n[match]\n")
    wafer = wafer_of(fab, rules_of(["1", "12"], ["---", "FF", "00"], tmp_path))
    assert wafer.legend == "option --pass-bins, recipe r"
    assert wafer.dies.shape == (7, 8 if width > 1 else 16)


@pytest.mark.parametrize(
    "said",
    [
        'BIN = "12" 1 "Pass" ""\nBIN = "AF" 1 "Fail" ""\n',
        "Total Test : 44\n",
        "Pass : 38\nFail : 6\n",
        "PASS BIN : 12\n\n" + " ".join("01234567"),
        "PASS BIN : 12\n\n 0 1 2 3 4 5 6 7",
    ],
)
def test_or_a_list_of_bins_counts_or_numbers_of_columns_say_it(said: str) -> None:
    [fab] = maps(f"LOT : 1\nWAFER : 2\nROWS : 7\n{said}\n{JOINED}")
    assert fab.of_width is None
    assert wafer_of(fab, rules_of(["12"])).dies.tolist() == L_DIES


def test_codes_above_255_of_a_list_are_marks_and_the_last_entry_of_a_die_counts() -> None:
    [fab] = maps("Lot : 1\n[MAP]:\n0 0 257\n1 0 1\n1 0 4\n-1 1 1\n\nBin 1  1,  Bin 4  1\n")
    assert fab.texts().tolist() == [["", "257", "4"], ["1", "", ""]]
    assert (dict(fab.legend)["257"], fab.retests, fab.warnings) == (Meaning.MARK, 1, ())
    [warned] = maps("Lot : 1\n[MAP]:\n0 0 1\n\nBin 1  2,  Bin 4  1\n")
    assert "counts 3 dies, the map has 1" in warned.warnings[0]


def test_nothing_has_no_width_and_no_names() -> None:
    assert width_of([], Said()) == width_of(["", ""], Said()) == 1
    assert not die_table.is_format(b"\n" * 300)


def test_a_list_that_is_cut_off_at_a_row_is_held_against_its_total() -> None:
    said = "Lot : 1\n[MAP]:\n0 0 1\n0 1 1\n\nTotal Prober Test Dies: {}\n"
    assert wafer_of(maps(said.format(2))[0], PASS_1).dies.tolist() == [[1], [1]]
    with pytest.raises(InputError, match="states 3 tested dies"):
        wafer_of(maps(said.format(3))[0], PASS_1)


def test_what_lies_beside_maps_and_is_none_is_passed_over(tmp_path: Path) -> None:
    beside = {
        "readme.md": "# Maps\n\nSome text: of maps\n\n~~~\ncode\n~~~\n\n| a | b |\n|---|---|\n",
        "serial.snr": "Lot: L\nWafer: 06\n" + "".join(f"{n:03} 04A1B2{n:03}\n" for n in range(50)),
        "log": "2026-01-01 10:00:00 INFO lot=A wafer=12\n" * 20,
        "counts.lst": "L344    025 L344-25E1     0000265862024-05-12 15:52:00\n",
        "mail": "From: a\n\n" + "TWFuIGlzIGRpc3Rpbmd1aXNoZWQ\n" * 30,
        "source.py": Path(text_map.__file__).read_text(),
    }
    for name, text in beside.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "w.map").write_text(mapex(L))
    assert [Path(str(name)).name for name in expand([tmp_path])] == ["w.map"]
    with pytest.raises(InputError) as raised:
        list(read(tmp_path / "serial.snr"))
    assert raised.value.kind is InputKind.UNSUPPORTED


def test_no_line_takes_time_that_grows_with_its_square() -> None:
    for start in ("A", "BIN = ", 'BIN "', "MAP001", "Bin 1 ", "[", "1."):
        line = f"{start}{' ' * 60000}" + "\n"
        assert not by_content(line.encode() * 3)
        with pytest.raises(InputError, match=re.escape("no drawing")):
            maps(line * 20)
