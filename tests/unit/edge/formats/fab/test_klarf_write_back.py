"""The pattern of a wafer written back into its KLARF: nothing else of the file changes."""

from __future__ import annotations

import re
from io import BytesIO

import pytest

from edge.errors import InputError
from edge.formats.fab import klarf
from edge.formats.fab.fab_map import Finding

PLAN = "SampleTestPlan 2\n 0 0\n 1 0;\nDefectRecordSpec 2 XINDEX YINDEX;\n"
CLASSES = 'ClassLookup 2\n -1 "none at all"\n 7 "Scratch"\n;\n'
FLAT = f'FileVersion 1 2;\nLotID "L";\nWaferID "1";\n{CLASSES}{PLAN}DefectList\n 0 0;\nEndOfFile;\n'

NESTED = """Record FileRecord "1.8" {
  Record LotRecord "L" {
    Record WaferRecord "1" {
      List CustomWaferList { Columns 2 { string NAME, string VALUE } Data 1 { "A" "b"; } }
      List SampleTestPlanList { Columns 2 { int32 XINDEX, int32 YINDEX } Data 1 { 0 0; } }
      List DefectList { Columns 2 { int32 XINDEX, int32 YINDEX } Data 1 { 0 0; } }
    }
    Record WaferRecord "2" {
      List SampleTestPlanList { Columns 2 { int32 XINDEX, int32 YINDEX } Data 1 { 0 0; } }
      List DefectList { Columns 2 { int32 XINDEX, int32 YINDEX } Data 0 { } }
    }
    List ClassLookupList {
      Columns 3 { int32 CLASSNUMBER, string CLASSNAME, string CODE }
      Data 1 { 7 "Scratch" "" } }
  }
}
EndOfFile;
"""


def accepted(patterns: dict[int, str]) -> dict[int, Finding]:
    return {index: Finding(pattern, "accept") for index, pattern in patterns.items()}


def same_wafers(before: bytes, after: bytes) -> bool:
    return list(klarf.read_maps(BytesIO(before), "")) == list(klarf.read_maps(BytesIO(after), ""))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_class_and_a_record_are_added_and_nothing_else(encoding: str, end: str) -> None:
    before = FLAT.replace("\n", end).encode(encoding)
    after = klarf.write_back(before, accepted({0: 'Edge "Ring"'}))
    assert same_wafers(before, after)
    wide = "utf-16" if encoding.startswith("utf-16") and before[:1] != b"\0" else encoding
    text = after.decode(wide)
    assert text.count(end) == FLAT.count("\n") + 5
    assert text.replace(end, "\n") == FLAT.replace(
        CLASSES, CLASSES.replace("ClassLookup 2", "ClassLookup 3").replace(
            '"Scratch"', '"Scratch"\n 8 "Edge \'Ring\'"'
        )
    ).replace(
        "DefectRecordSpec",
        "CustomWaferList 3\n WMEDGE_PATTERN \"Edge 'Ring'\"\n WMEDGE_CLASSNUMBER \"8\"\n"
        ' WMEDGE_VERDICT "accept";\nDefectRecordSpec',
    )  # fmt: skip


@pytest.mark.parametrize(
    "before",
    [
        FLAT.replace("\n", "\r\n", 6).encode(),
        FLAT.replace("\n", "\r", 6).encode(),
        FLAT.rstrip().encode(),
        FLAT.replace("EndOfFile;\n", "\x1a").encode(),
        FLAT.replace('"L"', '"Los é"').encode("latin-1"),
        FLAT.replace('"L"', '"L"; # x').encode().replace(b"x", b"\xff\xfe;"),
        FLAT.replace("\nDefectRec", " DefectRec").replace(";\nDefectList", "; DefectList").encode(),
    ],
)
def test_every_other_byte_stays(before: bytes) -> None:
    after = klarf.write_back(before, {0: Finding("Loc", "review (mixed)")})
    added = rb'\s+(CustomWaferList 3|WMEDGE_\w+ "[^"]*";?|8 "Loc")'
    assert len(re.findall(added, after)) == 5
    assert re.sub(added, b"", after).replace(b"Lookup 3", b"Lookup 2") == before
    assert klarf.write_back(after, {0: Finding("Loc", "review (mixed)")}) == after
    assert same_wafers(before, after)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_before_records_stays(encoding: str) -> None:
    before = NESTED.encode(encoding)
    after = klarf.write_back(before, accepted({0: "Loc"}))
    assert after.startswith(before[: before.index(b"R")])
    assert same_wafers(before, after)
    assert 'WMEDGE_PATTERN" "Loc"' in after.decode(encoding)


RECORD = (
    'CustomWaferList 3\n WMEDGE_PATTERN "Scratch"\n WMEDGE_CLASSNUMBER "{}"\n'
    ' WMEDGE_VERDICT "accept";\n'
)


@pytest.mark.parametrize(
    ("lists", "longer", "record"),
    [
        (CLASSES, CLASSES, RECORD.format(7)),
        ('ClassLookup 1;\n9 "é";\n', 'ClassLookup 2;\n9 "é";\n 10 "Scratch";\n', RECORD.format(10)),
        ("ClassLookup 0;\n", 'ClassLookup 1\n 1 "Scratch";\n', RECORD.format(1)),
        ("", "", 'ClassLookup 1\n 1 "Scratch";\n' + RECORD.format(1)),
        (
            'ClassLookup 1\n 7 "A"1e99\n 2;\n',
            'ClassLookup 2\n 7 "A"1e99\n 2\n 8 "Scratch";\n',
            RECORD.format(8),
        ),
        (
            'ClassLookup 1\n -9 "A";\n',
            'ClassLookup 2\n -9 "A"\n 1 "Scratch";\n',
            RECORD.format(1),
        ),
        (
            'ClassLookup\n 3 "A"\n 4 "B";\n',
            'ClassLookup\n 3 "A"\n 4 "B"\n 5 "Scratch";\n',
            RECORD.format(5),
        ),
        (
            CLASSES + 'CustomWaferList 1\n A "b" ;\n',
            CLASSES + RECORD.format(7).replace("3\n", '4\n A "b"\n').replace(";", " ;"),
            "",
        ),
    ],
)
def test_lists_that_are_there_get_longer(lists: str, longer: str, record: str) -> None:
    before = FLAT.replace(CLASSES, lists).encode("latin-1")
    after = klarf.write_back(before, accepted({0: "Scratch"}))
    assert after.decode("latin-1") == FLAT.replace(CLASSES, longer).replace(
        "DefectRecord", record + "DefectRecord"
    )
    assert same_wafers(before, after)
    # A pattern of an earlier time is replaced.
    assert klarf.write_back(after, accepted({0: "Scratch"})) == after
    again = klarf.write_back(
        klarf.write_back(before, accepted({0: "Loc"})), accepted({0: "Scratch"})
    )
    assert again.count(b'PATTERN "Scratch"') == again.count(b"PATTERN") == 1


def test_a_wafer_for_review_is_told_from_an_accepted_one() -> None:
    earlier = RECORD.format(7).replace("List 3", "List 2").replace('\n WMEDGE_VERDICT "accept"', "")
    for record in ("", earlier, RECORD.format(7)):
        before = FLAT.replace("EndOf", record + "EndOf").encode()
        after = klarf.write_back(before, {0: Finding("Scratch", "review (mixed)")})
        assert after.decode().count("CustomWaferList 3") == 1
        assert re.findall(r'VERDICT "(.+)"', after.decode()) == ["review (mixed)"]


def test_a_nul_in_a_plain_file_stays_where_it_is() -> None:
    before = FLAT.replace('"L"', '"L\0"').encode()
    for start in (before, b"\0" + before):
        assert klarf.write_back(start, accepted({0: "Scratch"})).startswith(start[:90])


def test_records_in_records_get_theirs() -> None:
    before = NESTED.encode()
    after = klarf.write_back(before, accepted({1: "Loc", 0: "Scratch"}))
    assert same_wafers(before, after)
    text = " ".join(after.decode().split())
    assert (
        'Data 4 { "A" "b"; "WMEDGE_PATTERN" "Scratch"; "WMEDGE_CLASSNUMBER" "7"; '
        '"WMEDGE_VERDICT" "accept"; }' in text
    )
    assert (
        "List CustomWaferList { Columns 2 { string NAME, string VALUE } "
        'Data 3 { "WMEDGE_PATTERN" "Loc"; "WMEDGE_CLASSNUMBER" "8"; '
        '"WMEDGE_VERDICT" "accept"; } }' in text
    )
    assert 'Data 2 { 7 "Scratch" ""; 8 "Loc" ""; } }' in text
    assert klarf.write_back(after, accepted({0: "Scratch", 1: "Loc"})) == after
    assert "\n      List CustomWaferList\n      {\n        Columns 2" in after.decode()
    assert '\n          "WMEDGE_PATTERN" "Loc";\n' in after.decode()
    assert '\n      8 "Loc" "";' in after.decode()
    bare = NESTED[: NESTED.index("    List ClassLookupList")] + "  }\n}\n"
    made = klarf.write_back(bare.encode(), accepted({0: "Loc"})).decode().split()
    assert 'Data 1 { 1 "Loc"; } } } }' in " ".join(made)


def test_wafers_of_a_lot_share_its_classes_and_files_behind_files_do_not() -> None:
    lot = FLAT.replace("EndOfFile;", 'WaferID "2";\nDefectList;\nEndOfFile;')
    before = (lot + FLAT).encode()
    findings = accepted({0: "Loc", 2: "Donut"}) | {1: Finding("Donut", "review (few-dies)")}
    after = klarf.write_back(before, findings).decode()
    assert same_wafers(before, after.encode())
    first, second = after.split("FileVersion")[1:]
    assert ' 7 "Scratch"\n 8 "Loc"\n 9 "Donut"\n;' in first
    assert "ClassLookup 4" in first
    assert ' 7 "Scratch"\n 8 "Donut"\n;' in second
    assert re.findall(r'PATTERN "(\w+)"', after) == ["Loc", "Donut", "Donut"]
    assert re.findall(r'VERDICT "(.+)"', after) == ["accept", "review (few-dies)", "accept"]


def test_what_it_cannot_be_written_into_is_refused() -> None:
    with pytest.raises(InputError, match="no wafer 1 in it, it has 1"):
        klarf.write_back(FLAT.encode(), accepted({1: "Loc"}))
    for text in (
        FLAT.replace("ClassLookup 2", "ClassLookup 2e0"),
        NESTED.replace(
            "int32 CLASSNUMBER, string CLASSNAME", "string CLASSNAME, int32 CLASSNUMBER"
        ),
    ):
        with pytest.raises(InputError, match="no pattern can be added to it"):
            klarf.write_back(text.encode(), accepted({0: "Loc"}))
    with pytest.raises(InputError, match="CLASSLOOKUP has a quote without its other"):
        klarf.write_back(FLAT.replace('"Scratch"', '"Scratch').encode(), accepted({0: "Loc"}))
    with pytest.raises(InputError, match="cut off"):
        klarf.write_back(FLAT[:-20].encode(), accepted({0: "Loc"}))
