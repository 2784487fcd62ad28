"""KLARF: the dies of the test plan, and those that fail because a defect was found on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError, UsageError
from edge.formats.fab import klarf
from edge.formats.fab.fab_map import Code, FabMap, Finding, Meaning, of_wafer
from edge.formats.fab.klarf_records import MAX_DEPTH
from edge.formats.fab.legend import wafer_of
from edge.formats.fab.rules import NO_RULES, rules_of
from edge.formats.reading import read
from edge.wafer.wafermap import WaferMap

#: An L of fails whose foot points to the right: no turn and no flip of it is the same.
L_DIES = [[0, 2, 1, 0], [1, 2, 1, 1], [1, 2, 2, 1], [0, 1, 0, 0]]

FLAT = """FileVersion 1 2;
FileTimeStamp 12-31-2025 25:61:00;
InspectionStationID "Maker; of" "T 1" "03";
SampleType WAFER;
LotID "L-1 \t";
DeviceID Product 7;
SetupID "a" 2025/12/31;
OrientationMarkLocation NOTE;
DiePitch 2.5e3 3.0E+003;
WaferID "01"
 Nonsense 1;
Slot 07;
Unheard of;
InspectionTest 1;
SampleTestPlan 6
 0 1  1 1
 -1 0 0 0 1 0 2
 0 ;
InspectionTest 2;
SampleTestPlan 6 0 0 -1 -1 0 -1 1 -1 2 -1 0 -2;
DefectRecordSpec 7
 DEFECTID CLASSNUMBER XINDEX YINDEX DSIZE IMAGECOUNT IMAGELIST;
DefectList;
TiffFileName "a;b.tif";
DefectList
 1 3 0 1 0.5 0
 2 3 0 0 0.5 1 1
 9 0
 3 5 0 -1 1.5 0 0
 4 NA 0 -1 NA 2 2 1 0
 2 0;
tifffilename c.tif;
DefectList 5 3 1.0 -1 0 1 7 0;
SummarySpec 3 TESTNO NDEFECT NDIE;
SummaryList 1 999 999;
EndOfFile;
"""

NESTED = """Record FileRecord "1.8"
{
  Record LotRecord "L-1 "
  {
    Record WaferRecord "01"
    {
      Field SlotNumber 1 {07}
      List DefectList
      {
        Columns 7 { int32 DEFECTID, int32 CLASSNUMBER, int32 XINDEX,
          int32 YINDEX, int32 DSIZE, ImageList IMAGEINFO, string TEXT }
        Data 5
        {
          1 3 0 1 500 N "";
          2 3 0 0 500 Images 2 { "a;}.jpg" "JPG" 1 "p, q", "b" "JPG" 1 "" } "{";
          3 5 0 -1 1500
            NA "x"; 4 NA 0 -1 NA N "y z";
          5 3 1 -1 0 Image 1 {"c" "PNG" 1 "24"} "";
        }
      }
      Record TestRecord "1"
      {
        Field AreaPerTest 1 {2.0e+015}
        List SampleTestPlanList
        {
          Columns 2 { int32 XINDEX, int32 YINDEX }
          Data 6
          {
            0 1; 1 1; -1 0;
            0 0; 1 0; 2
            0;
          }
        }
      }
      Record TestRecord "2"
      {
        List SampleTestPlanList
        {
          Columns 2 { int32 YINDEX, int32 XINDEX }
          Data 6 { 0 0; -1 -1; -1 0; -1 1; -1 2; -2 0; }
        }
      }
    }
    Field DeviceID 1 {"Product 7"}
    Field DiePitch 2 {2500000, 3000000}
    Field InspectionStationID 3 {"Maker; of", "T 1", "03"}
    Field OrientationMarkLocation 1 {"NOTE"}
    List ClassLookupList
    {
      Columns 2 { int32 CLASSNUMBER, string CLASSNAME }
      Data 1
      {
        0 "Unclassified";
      }
    }
  }
}
EndOfFile;
"""
BOTH = pytest.mark.parametrize("text", [FLAT, NESTED], ids=["flat", "nested"])


def maps(text: str | bytes) -> list[FabMap | InputError]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(klarf.read_maps(BytesIO(data), "w.001"))


def only(text: str | bytes) -> FabMap:
    [fab] = maps(text)
    assert isinstance(fab, FabMap)
    return fab


def written(*given: FabMap) -> bytes:
    file = BytesIO()
    klarf.write(given, file)
    return file.getvalue()


def flat(plan: str, spec: str, rows: str) -> str:
    lists = f"SampleTestPlan {plan};DefectRecordSpec {spec};DefectList {rows};"
    return f"FileVersion 1 1;{lists}EndOfFile;"


@BOTH
@pytest.mark.parametrize("name", ["w.001", "w", "w.xml"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode().replace(b"\n", b"\r"),
        lambda text: text.encode().replace(b"\n", b"\r\n", 20).replace(b'"L-1', b'"\0L-1\0'),
        lambda text: text.replace("Unclassified", "Gerät").encode("latin-1"),
        lambda text: b"# made by a tool\n\n" + text.encode(),
        lambda text: (
            text.replace("FileVersion", "FILEVERSION").replace("FileRecord", "FILERECORD").encode()
        ),
        lambda text: re.sub(r"(?m)^ *[A-Za-z]+", lambda word: word[0].lower(), text).encode(),
        lambda text: text.replace('LotID "', '# of;\n#\nLotID "').encode(),
    ],
)
def test_content_tells_it_in_any_encoding_and_under_any_name(
    text: str, name: str, encode: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(encode(text))
    [wafer] = read(path)
    assert isinstance(wafer, WaferMap)
    assert wafer.dies.tolist() == L_DIES
    assert (wafer.lot, wafer.wafer, wafer.slot, wafer.legend) == ("L-1", "01", 7, "file")
    assert (wafer.turned, wafer.warning, wafer.retests) == (None, None, 0)


@BOTH
def test_what_else_it_says(text: str, tmp_path: Path) -> None:
    fab = only(text)
    assert (fab.device, fab.slot, fab.pitch) == ("Product 7", "07", (2500.0, 3000.0))
    assert (fab.tool, fab.orientation) == ("Maker; of T 1 03", "NOTE")
    assert fab.texts().tolist()[2] == ["0", "2", "1", "0"]
    (tmp_path / "r.toml").write_text(
        '[match]\nformat = "KLARF"\n[defects]\nignored = [5]\nmin_size = 0.4\n'
    )
    rules = rules_of(recipes=tmp_path)
    assert wafer_of(fab, rules).dies.tolist() == L_DIES  # one of its size and class is not known
    (tmp_path / "r.toml").write_text("[match]\n[defects]\nclasses = [5]\n")
    assert np.argwhere(wafer_of(fab, rules_of(recipes=tmp_path)).dies == 2).tolist() == [[2, 1]]
    turned = only(text.replace("NOTE", "Left"))
    assert wafer_of(turned, NO_RULES).dies.tolist() == np.rot90(L_DIES).tolist()


@pytest.mark.parametrize(
    ("spec", "rows", "fails"),
    [
        ("3 DEFECTID XINDEX YINDEX", "", []),
        ("3 DEFECTID XINDEX YINDEX", "1 0 0 2 1 0", [0, 1]),  # several in a line
        ("3 DEFECTID XINDEX YINDEX", "1 0 0;\n2 1 0", [0, 1]),  # each a statement
        ("3 DEFECTID XINDEX YINDEX", "\nFILENAME a.jpg\n1\n0 0\nFILENAME b.jpg\n2 1\n0", [0, 1]),
        ("XINDEX YINDEX", "0 0", [0]),
        ("XINDEX YINDEX", "; TiffFileName a.tif; 0 0; TiffFileName b.tif; 1 0", [0, 1]),
        (
            "7\n DEFECTID XREL YREL XINDEX YINDEX IMAGECOUNT IMAGELIST",
            "\n 1 10.0 2.5E1 0 0 0\n 2 11.0 2.5E1 1 0 1 1\n 9 0\n 3 12.0 2.5E1 1 0 0 0",
            [0, 1],
        ),
        ("3 IMAGELIST XINDEX YINDEX", "1 9 0 0 0\n0 1 0", [0, 1]),
        ("4 IMAGELIST XINDEX YINDEX IMAGECOUNT", "1 9 0 0 0 1\n0 1 0 0", [0, 1]),
        ("3 XINDEX YINDEX IMAGELIST", "0 0 2 1 0\n2 0\n1 0 0", [0, 1]),
        ("4 XINDEX YINDEX IMAGECOUNT IMAGELIST", "0 0 2 1 0 2 0\n1 0 1 3 0", [0, 1]),  # no count
        ("4 XINDEX YINDEX IMAGECOUNT IMAGELIST", "0 0 1 0\n1 0 1\n1 1 0", [0, 1]),
        # several in a line, with their images counted twice, once, and not where there are none
        ("4 XINDEX YINDEX IMAGECOUNT IMAGELIST", "0 0 1 1 9 0 1 0 2 2 7 0 8 0", [0, 1]),
        ("3 XINDEX YINDEX IMAGELIST", "0 0 1 9 0 1 0 0", [0, 1]),
        ("5 XREL XINDEX YINDEX IMAGECOUNT IMAGELIST", "1.5 0 0 1 9 0 2.5 1 0 0", [0, 1]),
        ("5 XREL XINDEX YINDEX IMAGECOUNT IMAGELIST", "1.5 0 0 1 1 9 0 2.5 1 0 0", [0, 1]),
    ],
)
def test_rows_of_a_defect_list(spec: str, rows: str, fails: list[int]) -> None:
    fab = only(flat("2 0 0 1 0", spec, rows))
    assert np.flatnonzero(fab.meanings() == "fail").tolist() == fails
    assert (fab.meanings() != "null").all()
    assert fab.warnings == ()


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("0 0 0 0 0 0 0 0 0 0 0 0", "a row of 12 values"),  # three with a count, or four without
        ("0 0 1 1 9 0 1 0 1 2 9 0", "a row of 12 values"),
        ("0 0 2 3 9 0", "a row of 6 values"),
        ("0 0 1 1 9 0\n1 0 1000 1000 1", "line 2: a row of 5 values"),
    ],
)
def test_rows_in_a_line_that_can_be_cut_in_no_way_or_several(rows: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        only(flat("2 0 0 1 0", "4 XINDEX YINDEX IMAGECOUNT IMAGELIST", rows))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("SampleTestPlan 6\n", "SampleTestPlan 7\n"), r"6 dies .* promises 7; copy"),
        (("-1 0 0 0 1 0 2\n 0 ;", "-1 0 0 0 1 0 2\n ;"), "has 11 numbers, must be pairs"),
        (("0 1  1 1", "0 1  1 x"), "line 15: 'x' where a whole number"),
        (("0 1  1 1", "0 1  1 1.5"), "line 15: '1.5' where a whole number"),
        (
            ("0 1  1 1", "0 1  1 2147483648"),
            "line 15: 2147483648 is too large for .*; correct it, or",
        ),
        (("0 1  1 1", "0 1  1 2147483647"), "at most 4096 a side"),
        (("0 1  1 1", "0 1  1 4999"), "5002 x 4 dies; at most 4096"),
        ((" 1 3 0 1 0.5 0\n", " 1 3 0 1 0.5\n"), "line 26: a row of 5 values, .* 7 columns"),
        ((" 1 3 0 1 0.5 0\n", " 1 3 0 1 0.5 0 0 1\n"), "line 26: a row of 8 values"),
        ((" 2 0;\n", ";\n"), "line 30: a row of 9 values"),
        ((" 2 0;\n", "\n"), "line 30: a row"),
        (("5 3 1.0 -1", "5 3 1.5 -1"), "line 33: '1.5' where a whole number"),
        (("5 3 1.0 -1 0", "5 3 1.0 -1 big"), "line 33: 'big' where a size"),
        (("CLASSNUMBER XINDEX", "CLASSNUMBER X"), "without XINDEX and YINDEX"),
        ((" 1 3 0 1 0.5 0\n", " 1 3.5 0 1 0.5 0\n"), "line 26: a row of 6 values"),  # shifted
        (("IMAGECOUNT IMAGELIST;", "IMAGELIST IMAGECOUNT;"), "line 26: a row of 6 values"),
        (("DefectRecordSpec", "DefectSpec"), r"line 25: .* without its columns \(DefectRecordSpec"),
        (("SampleTestPlan", "TestPlan"), "no inspected dies"),
        (("DefectList", "Defects"), "no defect list"),
        (("DiePitch 2.5e3", "DiePitch -2.5e3"), "a die size of -2.5e3 .* not be negative"),
        (("tifffilename c.tif;", "tifffilename c.tif"), "line 32: .* not end before DefectList"),
        (("SummaryList 1 999 999;", "SummaryList 1 999 999"), "line 35: .* before EndOfFile"),
        (("EndOfFile;", "Summary"), "line 36: SUMMARY does not end in ;"),
        (("Product 7;", "Product 7"), "line 6: DEVICEID does not end before SetupID"),
        (("SampleType WAFER;", "TiffSpec 6 NA R"), "line 4: TIFFSPEC does not end before LotID"),
        (("NOTE;", "NOTE"), "line 8: .* does not end before DiePitch"),
        (("12-31-2025 25:61:00;", "12-31-2025"), "line 2: .* before InspectionStationID"),
        (('"03";', '"03" DeviceID P;'), "line 3: .* does not end before DeviceID"),
    ],
)
def test_a_bad_flat_file_is_refused_with_a_word(change: tuple[str, str], word: str) -> None:
    assert change[0] in FLAT
    with pytest.raises(InputError, match=word):
        raise next(each for each in maps(FLAT.replace(*change)) if isinstance(each, InputError))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("Data 5", "Data 6"), "line 13: DEFECTLIST has 5 rows and promises 6"),
        (("Data 6\n", "Data 7\n"), "SAMPLETESTPLANLIST has 6 rows and promises 7"),
        (("Data 5", "Data five"), "line 12: 'five' where a count"),
        (("Data 5", "Date { 5 } Other 5"), "line 8: DEFECTLIST has no Data"),
        (('1 3 0 1 500 N ""', '1 3 0 1 500 ""'), "line 14: a row of 6 values"),
        (('N "y z"', 'N "y" "z"'), "line 17: a row of 8 values"),
        (("-1 0;\n", "-1 0 0;\n"), "line 29: a row of 3 values"),
        (("-1 0;\n", "-1 zero;\n"), "line 29: 'zero' where a whole number"),
        (("int32 XINDEX, int32 YINDEX }", "int32 X, int32 YINDEX }"), "without XINDEX"),
        (("SampleTestPlanList", "PlanList"), "no inspected dies"),
        (("List DefectList", "List Defects"), "no defect list"),
        (("DiePitch 2 {", "DiePitch 2 {-"), "a die size of -2500000"),
        (("}\nEndOfFile", "\nEndOfFile"), r"line 59: a record \(FILERECORD\) has no end"),
        (("}\nEndOfFile", "}}\nEndOfFile"), "line 57: a } too many"),
        (("Field DeviceID 1 {", "Field DeviceID 1 "), "is missing"),
        (("Field DeviceID", "Field {"), "where a name should be"),
        (("{", 'Record A "x" {' + "Record A {" * MAX_DEPTH), "records in one another"),
        (("Record TestRecord", "Record LotRecord"), "line 22: a LOTRECORD in a wafer, a } is miss"),
    ],
)
def test_a_bad_nested_file_is_refused_with_a_word(change: tuple[str, str], word: str) -> None:
    assert change[0] in NESTED
    with pytest.raises(InputError, match=word):
        raise next(each for each in maps(NESTED.replace(*change)) if isinstance(each, InputError))


@BOTH
def test_wherever_it_is_cut_off_no_other_map_comes_of_it(text: str) -> None:
    for end in range(len(text.rstrip()) - 1):
        try:
            [found] = maps(text[:end])
        except InputError:
            continue
        if isinstance(found, FabMap) and not any("EndOfFile" in each for each in found.warnings):
            assert wafer_of(found, NO_RULES).dies.tolist() == L_DIES


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (("EndOfFile;", ""), "ends without EndOfFile"),
        (("SampleTestPlan 6 0", "SampleTestPlan 5 0"), "promises 5 dies and has 6; all count"),
        (("5 3 1.0 -1", "5 3 9 9"), "1 of 5 defects lie on no die of the test plan"),
        (("5 3 1.0 -1", "5 3 NA -1"), "1 of 5 defects lie on no die of the test plan"),
        (
            ("Slot 07;", "CoordinatesMirrored YES;"),
            r"other way (CoordinatesMirrored YES); drawn as",
        ),
    ],
)
def test_what_may_be_wrong_is_said(change: tuple[str, str], warning: str) -> None:
    assert warning in only(FLAT.replace(*change)).warnings[0]


@pytest.mark.parametrize(("word", "warnings"), [("No", 0), ("", 0), ("Yes", 1)])
def test_a_mirrored_wafer_is_warned_of_in_both_grammars(word: str, warnings: int) -> None:
    field = f'Field CoordinatesMirrored 1 {{"{word}"}}\n    Field DeviceID'
    nested = only(NESTED.replace("Field DeviceID", field))
    flat_one = only(FLAT.replace("Slot 07;", f"Slot 07;\nCoordinatesMirrored {word};"))
    assert len(nested.warnings) == len(flat_one.warnings) == warnings


def test_names_of_fields_may_be_columns_and_rows() -> None:
    spec = "DefectRecordSpec 3 XINDEX YINDEX\nSLOT;CustomWaferList 1\nSlot 7;\nDefectList 0 0 1;"
    fab = only(f"FileVersion 1 1;Slot 3\nOdd 1;SampleTestPlan 1 0 0;{spec}EndOfFile;")
    assert (fab.slot, fab.warnings) == ("3", ())


def test_one_file_holds_several_wafers() -> None:
    head, _, rest = FLAT.partition("WaferID")
    plan, _, defects = rest.partition("DefectRecordSpec")
    second = "WaferID 02;\nSlotID 8;\nDefectList 1 0 2 0 0 0;\n"
    own = "WaferID 03;\nSampleTestPlan 1 5 5;\nDefectList;\n"
    third = FLAT.replace("L-1", "L-2").replace("Device", "Dev").replace("EndOfFile;", "EndOfFile")
    text = f"{head}WaferID{plan}DefectRecordSpec{defects}".replace("EndOfFile;", second + own)
    one, two, three, four, five = maps(f"{text}WaferID 04;EndOfFile;\n{third}")
    assert isinstance(four, InputError)
    assert "w.001[3]: lot L-1, wafer 04: no defect list" in str(four)
    fabs = [fab for fab in (one, two, three, five) if isinstance(fab, FabMap)]
    assert [(fab.lot, fab.wafer, fab.slot, fab.index) for fab in fabs] == [
        ("L-1", "01", "07", 0), ("L-1", "02", "8", 1), ("L-1", "03", "", 2), ("L-2", "01", "07", 4)
    ]  # fmt: skip
    assert [fab.device for fab in fabs] == ["Product 7"] * 3 + [""]
    assert np.argwhere(fabs[1].meanings() == "fail").tolist() == [[1, 3]]
    assert fabs[2].meanings().tolist() == [["pass"]]
    assert fabs[3].warnings == fabs[0].warnings == ()
    assert "no test plan of its own" in fabs[1].warnings[0]


def test_wafers_are_told_by_their_slot_which_may_stand_before_the_name() -> None:
    head = "FileVersion 1 1;SampleTestPlan 2 0 0 1 0;DefectRecordSpec 2 XINDEX YINDEX;"
    wafers = "".join(f"Slot {n};{{}}DefectList {n} 0;" for n in (0, 1))
    for names, wanted in ((["", ""], ["", ""]), (["WaferID A;", "WaferID B;"], ["A", "B"])):
        found = maps(f"{head}{wafers.format(*names)}EndOfFile;")
        assert [(fab.wafer, fab.slot) for fab in found if isinstance(fab, FabMap)] == list(
            zip(wanted, ["0", "1"], strict=True)
        )
        texts = [fab.texts().tolist() for fab in found if isinstance(fab, FabMap)]
        assert texts == [[["1", "0"]], [["0", "1"]]]


def test_one_nested_file_holds_several_wafers_and_lots() -> None:
    lot = NESTED[NESTED.index("  Record LotRecord") : NESTED.index("}\nEndOfFile")]
    wafer = lot[lot.index("    Record WaferRecord") : lot.index("    Field DeviceID")]
    other = wafer.replace('"01"', '"02"').replace("SampleTestPlanList", "Other")
    two = lot.replace(wafer, wafer + other).replace("Product 7", "P8").replace("L-1", "L-2")
    found = maps(NESTED.replace(lot, lot + two))
    assert [(fab.lot, fab.wafer, fab.device) for fab in found if isinstance(fab, FabMap)] == [
        ("L-1", "01", "Product 7"), ("L-2", "01", "P8")
    ]  # fmt: skip
    assert "w.001[2]: lot L-2, wafer 02: no inspected dies" in str(found[2])


def test_dies_that_were_not_inspected_only_widen_the_drawing() -> None:
    text = flat("1 1 1", "2 XINDEX YINDEX", "1 1").replace(
        "SampleTestPlan", "SampleDieMap 2 1 1 2 1;RemovedDieList 1 0 0;SampleTestPlan"
    )
    assert only(text).meanings().tolist() == [["null", "fail", "null"], ["null", "null", "null"]]


TURNS = [
    np.rot90(flip, turns) for turns in range(4) for flip in (np.array(L_DIES), np.fliplr(L_DIES))
]


@pytest.mark.parametrize("dies", TURNS)
def test_it_comes_out_the_right_way_up(dies: npt.NDArray[np.int64]) -> None:
    fab = of_wafer(WaferMap(dies.astype(np.uint8), lot="L", wafer="01", slot=3))
    again = wafer_of(only(written(fab)), NO_RULES)
    assert np.array_equal(again.dies, dies)
    assert (again.lot, again.wafer, again.slot) == ("L", "01", 3)


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"], exclude_characters='"'),
    max_size=8,
)


@settings(deadline=None)
@given(data=st.data(), lot=TEXT, wafer=TEXT, orientation=TEXT, pitch=st.floats(1, 1e6))
def test_what_is_written_reads_back_the_same(
    data: st.DataObject, lot: str, wafer: str, orientation: str, pitch: float
) -> None:
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    cells = data.draw(st.lists(st.integers(-1, 2), min_size=25, max_size=25).filter(
        lambda cells: {0, 1}.intersection(cells[: shape[0] * shape[1]])
    ))  # fmt: skip
    grid = np.array(cells[: shape[0] * shape[1]], np.int16).reshape(shape)
    legend = (Code("1", Meaning.PASS), Code("7", Meaning.FAIL), Code("X", Meaning.INK))
    fab = FabMap(grid, legend, lot, wafer, orientation=orientation, pitch=(round(pitch, 3), 2.0))
    once = only(written(fab))
    assert np.array_equal(once.meanings() == "fail", fab.meanings() == "fail")
    assert np.array_equal(once.meanings() == "pass", fab.meanings() == "pass")
    assert (once.lot, once.wafer, once.orientation) == (lot, wafer, orientation)
    assert once.pitch == fab.pitch
    assert maps(written(once, once)) == [once, once]


def test_defects_are_written_with_their_class_and_size() -> None:
    fab = only(FLAT)
    again = only(written(fab))
    assert again == fab
    assert fab.defects is not None
    assert again.defects is not None
    for one, other in zip(fab.defects[:2], again.defects[:2], strict=True):
        assert one.tolist() == other.tolist()
    assert again.defects.classes.tolist() == [3, 3, 5, 0, 3]
    assert np.array_equal(again.defects.sizes, fab.defects.sizes, equal_nan=True)


@pytest.mark.parametrize(("name", "keyword"), [("slot", b"\nSlot "), ("tool", b"StationID ")])
def test_what_nobody_knows_is_left_out(name: str, keyword: bytes) -> None:
    fab = only(FLAT)
    assert keyword in written(fab)
    assert keyword not in written(replace(fab, **{name: ""}))


def test_what_klarf_cannot_hold_is_not_written() -> None:
    unsure = FabMap(np.zeros((1, 1), np.int16), (Code("1", Meaning.UNKNOWN),))
    with pytest.raises(UsageError, match="say what passes"):
        written(unsure)
    with pytest.raises(UsageError, match="no die"):
        written(replace(unsure, codes=np.full((1, 1), -1, np.int16)))


@pytest.mark.parametrize(
    ("name", "same"), [("edge-ring.klarf", "edge-ring.png"), ("edge-loc.1.8.klarf", "edge-loc.png")]
)
def test_samples_are_the_same_wafers_as_the_pictures(name: str, same: str) -> None:
    samples = Path(__file__).parents[5] / "samples"
    [wafer], [picture] = read(samples / "fab" / name), read(samples / same)
    assert isinstance(wafer, WaferMap)
    assert isinstance(picture, WaferMap)
    assert np.array_equal(wafer.dies, picture.dies)
    assert (wafer.device, wafer.turned, wafer.warning) == ("NO-SUCH-PART", 0, None)


def test_another_reader_finds_as_many_defects(tmp_path: Path) -> None:
    klarfrs = pytest.importorskip("klarfrs", reason="klarfrs, another reader, is not installed")
    path = tmp_path / "w.klarf"
    for text in (FLAT, NESTED):
        first = written(only(text))
        for content in (first, klarf.write_back(first, {0: Finding("Loc", "accept")})):
            path.write_bytes(content)
            lines = path.read_text().partition("DefectList\n")[2].splitlines()
            behind = len(lines) - next(n for n, line in enumerate(lines) if line.endswith(";")) - 1
            assert klarfrs.parse(str(path)).lot_id == "L-1"
            # It takes each line behind the list for a defect, too.
            assert len(klarfrs.parse_defects(str(path))) - behind == 5
            assert behind == 4
