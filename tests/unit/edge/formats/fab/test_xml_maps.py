"""G85, E142 and IBIS: read as they are drawn, written so that reading gives the same."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.formats.fab import die_table, e142, g85, ibis
from edge.formats.fab.fab_map import Code, FabMap, Finding, Meaning
from edge.formats.fab.legend import wafer_of
from edge.formats.fab.passing import UnsaidError
from edge.formats.fab.recipe import Match, Recipe
from edge.formats.fab.rules import NO_RULES, Rules, rules_of
from edge.formats.paths import expand
from edge.formats.reading import read
from edge.formats.registry import by_content
from edge.wafer.wafermap import WaferMap

#: An L of fails whose foot points to the right: no turn and no flip of it is the same.
L_DIES = [[0, 2, 1, 0], [1, 2, 1, 1], [1, 2, 2, 1], [0, 1, 0, 0]]

G85 = """<?xml version="1.0" encoding="utf-8"?>
<Maps><Map xmlns="http://www.semi.org" WaferId="A-01" SubstrateNumber="3"
 FormatRevision="SEMI G85-0703">
<Device ProductId="P7" LotId=" L-1 " Rows="4" Columns="4" Orientation="180" BinType="HexaDecimal"
 NullBin="FF" DeviceSizeX="2500" DeviceSizeY="3000.0">
<Bin BinCode="00" BinQuality="Pass" BinCount="7"/><Bin BinCode="0A" BinQuality="Fail"/>
<Bin BinCode="0F" BinQuality="Ref"/>
<SupplierData ToolType="T9"/>
<Data MapName="Map" Version="2">
<Row><![CDATA[FF0A00FF]]></Row>
<Row><![CDATA[000A0000]]></Row>
<Row><![CDATA[000A0A00]]></Row>
<Row><![CDATA[FF000FFF]]></Row>
</Data></Device></Map></Maps>
"""

E142 = """<?xml version="1.0"?>
<MapData xmlns="urn:semi-org:xsd.E142-1.V0211.SubstrateMap"><Layouts>
<Layout LayoutId="Wafer" DefaultUnits="mm" TopLevel="true"><Dimension X="1" Y="1"/></Layout>
<Layout LayoutId="Dies" DefaultUnits="mm"><Dimension X="4" Y="4"/><StepSize X="2.5" Y="3"/>
<ProductId> P7 </ProductId></Layout></Layouts>
<Substrates><Substrate SubstrateType="Wafer" SubstrateId="A-01"><LotId>L-1</LotId>
<AliasIds><AliasId Type="Prober" Value="T9"/></AliasIds><SlotNumber>3</SlotNumber>
<GoodDevices>7</GoodDevices></Substrate></Substrates>
<SubstrateMaps><SubstrateMap SubstrateType="Wafer" SubstrateId="A-01" Orientation="180"
 OriginLocation="LowerLeft" AxisDirection="UpRight" LayoutSpecifier="Wafer/Dies">
<Overlay MapName="Ids"><DeviceIdMap><Id>x</Id></DeviceIdMap></Overlay>
<Overlay MapName="SortGrade" MapVersion="1">
<BinCodeMap BinType="Ascii" NullBin="." MapType="2DArray">
<BinDefinitions><BinDefinition BinCode="1" BinQuality="Pass" BinCount="7"/>
<BinDefinition BinCode="A" BinQuality="Fail"/><BinDefinition BinCode="1" BinDescription="again"/>
<BinDefinition BinCode="." BinQuality="Fail"/><BinDefinition BinCode="R" BinQuality="Reference"/>
</BinDefinitions>
<BinCode>.A1.</BinCode>
<BinCode>1A11</BinCode>
<BinCode>1AA1</BinCode>
<BinCode>.1R.</BinCode>
</BinCodeMap></Overlay></SubstrateMap></SubstrateMaps></MapData>
"""

IBIS = """<?xml version="1.0"?>
<IBIS_WAFER_DATA><HEADER><WAFER_OCR_ID>A-01</WAFER_OCR_ID><WAFER_BATCH_ID>L-1</WAFER_BATCH_ID>
<WAFER>01</WAFER><DEVICE>P7</DEVICE><FLAT_LOCATION>180</FLAT_LOCATION>
<WAFER_UNITS>MM</WAFER_UNITS><XSTEP>2.5</XSTEP><YSTEP>3</YSTEP><PROBER>T9</PROBER>
<BIN_CODE PASS="1" ELEC__FAIL="X" REF_DIE="*" OUTSIDE="."/><BIN_COUNT_PASS>7</BIN_COUNT_PASS>
<ROW_COUNT>4</ROW_COUNT><COLUMN_COUNT>4</COLUMN_COUNT></HEADER>
<WAFER_MAP>.X1.1X111XX1.1*.</WAFER_MAP></IBIS_WAFER_DATA>
"""

FORMATS = [(g85, G85), (e142, E142), (ibis, IBIS)]
WRITERS = [g85, e142]


def maps(module: ModuleType, text: str | bytes) -> list[FabMap]:
    data = text if isinstance(text, bytes) else text.encode()
    found = list(module.read_maps(BytesIO(data), "w.xml"))
    for one in found:
        if isinstance(one, InputError):
            raise one
    return found


def written(module: ModuleType, *given: FabMap) -> bytes:
    file = BytesIO()
    module.write(given, file)
    return file.getvalue()


@pytest.mark.parametrize(("module", "text"), FORMATS)
def test_what_a_file_says(module: ModuleType, text: str) -> None:
    [fab] = maps(module, text)
    assert wafer_of(fab, NO_RULES).dies.tolist() == L_DIES
    assert (fab.lot, fab.wafer, fab.device, fab.tool) == ("L-1", "A-01", "P7", "T9")
    assert (fab.orientation, fab.warnings) == ("180", ())
    assert (fab.slot, fab.pitch) == ("" if module is ibis else "3", (2500.0, 3000.0))
    assert Meaning.REFERENCE in {code.meaning for code in fab.legend}


def test_a_device_alone_is_a_map(tmp_path: Path) -> None:
    text = re.sub(r"</?Maps?\b[^>]*>", "", G85).replace("<Device", '<Device WaferId="A-01"')
    (tmp_path / "w.xml").write_text(text)
    [wafer] = read(tmp_path / "w.xml")
    assert isinstance(wafer, WaferMap)
    assert (wafer.dies.tolist(), wafer.lot, wafer.wafer) == (L_DIES, "L-1", "A-01")
    (tmp_path / "x.xml").write_text("<all><Device Bin='x'/><Bin/></all>")
    assert list(expand([tmp_path])) == [str(tmp_path / "w.xml")]


@pytest.mark.parametrize("name", ["w.xml", "w.001", "w", "w.csv"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode().replace(b"\n", b"\r"),
        lambda text: b"\r\n  " + text.encode().replace(b"\n", b"\r\n"),
        lambda text: text.replace("P7", "Gerät").encode("latin-1"),
        lambda text: re.sub(r"<(/?)(\w)", r"<\1m:\2", text).encode(),
        lambda text: re.sub(r"</?\w+| \w+(?==)", lambda found: found[0].lower(), text).encode(),
        lambda text: re.sub(r"</?\w+| \w+(?==)", lambda found: found[0].upper(), text).encode(),
    ],
)
@pytest.mark.parametrize("text", [text for _, text in FORMATS])
def test_content_tells_it_in_any_encoding_and_under_any_name(
    text: str, encode: Callable[[str], bytes], name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    data = encode(text)
    if b"<m:" in data:
        data = data.replace(b" xmlns=", b" xmlns:m=").replace(b"A_DATA>", b'A_DATA xmlns:m="x">', 1)
    path.write_bytes(data)
    [wafer] = read(path)
    assert wafer.dies.tolist() == L_DIES
    assert (wafer.lot, wafer.wafer, wafer.legend, wafer.turned) == ("L-1", "A-01", "file", None)


#: What other tools write, as changes of the file above: the same dies come out.
SAME = [
    (g85, [("<Maps>", ""), ("</Maps>", ""), (' xmlns="http://www.semi.org"', "")]),
    (g85, [('BinType="HexaDecimal"', ""), ("WaferId", "SubstrateId")]),
    (g85, [('BinType="HexaDecimal"', 'bintype="Hexadecimal"'), ("Columns", "columns")]),
    (g85, [("<Maps>", '<!-- a -->\n<!DOCTYPE Maps SYSTEM "semi.dtd"><Maps>')]),
    (g85, [('<?xml version="1.0" encoding="utf-8"?>', '<?sml version="1.0"?>')]),
    (g85, [("DeviceSizeX", "StepSizeX"), ("<Device", '<Device DeviceSizeX="9" StepSizeY="3000"')]),
    (g85, [('<Data MapName="Map" Version="2">', ""), ("</Data>", "")]),
    (g85, [("<![CDATA[", ""), ("]]>", "")]),
    (g85, [("<Row><![CDATA[", ""), ("]]></Row>", "")]),
    (g85, [("FF0A00FF", "FF 0A 00 FF "), ("000A0000", "00\t0A 00 00")]),
    (g85, [("FF0A00FF", " FF0A00FF "), ("<Bin ", '<Bin BinCode="" BinQuality="Fail"/><Bin ')]),
    (g85, [("FF0A00FF", "ff0a00ff"), ('"0A"', '"A"'), ('"00"', '"0"')]),
    (g85, [('"Pass"', '"PASS"'), ('"Fail"', '"fail"'), ('"Ref"', '"Untested"')]),
    (g85, [('<Bin BinCode="0F" BinQuality="Ref"/>', '<Bin BinCode="FF" BinQuality="Fail"/>'),
           ("0FFF", "FFFF")]),
    (g85, [("FF0A00FF", "-- 0A 00 --"), ("FF000FFF", "-- 00 0F --"), ("FF", "--"),
           ("HexaDecimal", "ASCII")]),
    (g85, [("FF0A00FF", "255010000255"), ("000A0000", "000 010 000 000 "),
           ("000A0A00", "0 10 10 0"), ("FF000FFF", "255000015255"), ("FF", "255"),
           ("HexaDecimal", "Decimal"), ('"00"', '"0"'), ('"0A"', '"10"'), ('"0F"', '"015"')]),
    (g85, [("FF0A00FF", "*X1*"), ("000A0000", "1X11"), ("000A0A00", "1XX1"), ("FF000FFF", "*1R*"),
           ("FF", "*"), ("HexaDecimal", ""), ('"00"', '"1"'), ('"0A"', '"X"'), ('"0F"', '"R"')]),
    (e142, [("UpRight", "DownLeft"), ("LowerLeft", "UpperRight")]),
    (e142, [('BinType="Ascii" ', ""), ('MapType="2DArray"', "")]),
    (e142, [('SubstrateType="Wafer" ', "")]),
    (e142, [('Map SubstrateType="Wafer" SubstrateId="A-01"', "Map")]),
    (e142, [('<Overlay MapName="Ids">', ""), ('<Overlay MapName="SortGrade" MapVersion="1">', ""),
            ("</Overlay>", "")]),
    (e142, [('<BinDefinition BinCode="." BinQuality="Fail"/>', "")]),
    (e142, [("</BinCode>\n<BinCode>", "\n"), (".1R.", ".1.."), ("<Dimension", "<Other")]),
    (e142, [('MapName="Ids"', 'MapName="SortGrade" MapVersion="0"'),
            ("<DeviceIdMap><Id>x</Id></DeviceIdMap>", "<BinCodeMap/>")]),
    (e142, [('NullBin="."', 'NullBin=" "'), ('BinCode="."', 'BinCode=" "'), (">.A1.<", "> A1 <"),
            (">.1R.<", "> 1R <")]),
    (ibis, [(".X1.1X111XX1.1*.", "<![CDATA[.X1.\n1X11\n1XX1\n.1*.]]>")]),
    (ibis, [('PASS="1"', 'BIN1="1"')]),
    (ibis, [('OUTSIDE="."', 'OUTSIDE=" "'), (".X1.1X111XX1.1*.", " X1 1X111XX1 1* ")]),
    (ibis, [('PASS="1" ', "")]),
    (ibis, [('"1.0"?>', '"1.0"?>\n<!DOCTYPE IBIS_WAFER_DATA>'), ("PASS=", "PICKED=',' PASS=")]),
    (ibis, [('OUTSIDE="."', 'OUTSIDE=","'), (".X1.1X111XX1.1*.", ",X1,1X111XX1,1*,")]),
    (ibis, [("ROW_COUNT", "row_count"), ("BIN_CODE", "bin_code")]),
]  # fmt: skip


@pytest.mark.parametrize(("module", "changes"), SAME)
def test_what_other_tools_write_is_read_the_same(
    module: ModuleType, changes: list[tuple[str, str]]
) -> None:
    text = dict(FORMATS)[module]
    for change in changes:
        text = text.replace(*change)
    [fab] = maps(module, text)
    assert wafer_of(fab, NO_RULES).dies.tolist() == L_DIES
    assert fab.wafer == "A-01"


#: A change that makes a file wrong, and what is said then.
BAD = [
    (g85, ('Rows="4"', 'Rows="5"'), "4 rows, and its header promises 5"),
    (g85, ('Rows="4"', 'Rows="1000000"'), "4 rows, and its header promises 1000000"),
    (g85, ('Rows="4"', 'Rows="-4"'), "must be a whole number"),
    (g85, ("000A0A00", "000A0A0"), "line 12: 7 characters are no row of bins of 2"),
    (g85, ("000A0A00", "000A0A"), "line 12 has 3 dies, the rows above have 4"),
    (g85, ('NullBin="FF"', 'NullBin="FFF"'), "does not say what 'FF' means"),
    (g85, ("WaferId", 'SubstrateType="Tray" WaferId'), "SubstrateType 'Tray' is no wafer"),
    (g85, ("</Data>", "</Data><Data><Row>00</Row></Data>"), "2 different maps"),
    (g85, ("</Row>\n</Data></Device></Map></Maps>", ""), "not XML"),
    (g85, ("<Maps>", '<!DOCTYPE a [<!ENTITY x "y">]><Maps>'), "DOCTYPE"),
    (g85, ("<Maps>", '<!DOCTYPE a SYSTEM "a.dtd" [\n]><Maps>'), "DOCTYPE"),
    (g85, ("<Maps>", '<!DOCTYPE a SYSTEM "a.dtd"><Maps>&x;'), "undefined entity"),
    (g85, ('SizeY="3000.0"', 'SizeY="-3000"'), "a die size of 2500 x -3000, must not be"),
    (e142, ('Y="3"', 'Y="-3"'), "a die size of 2.5 x -3, must not be"),
    (g85, ("0A0A", "0A0B"), "does not say what '0B' means"),
    (g85, ('BinQuality="Pass"', ""), "does not say what '00' means"),
    (g85, ('"0F" BinQuality="Ref"', '"0A" BinQuality="Pass"'), "does not say what '0A', '0F'"),
    (
        g85,
        ('"0F" BinQuality="Ref"', '"0A" BinQuality="NG"'),
        "'0A', '0F' means; BinQuality 'NG' of bin '0A' .4 dies. says neither pass nor fail; say",
    ),
    (g85, ("</Maps>", ""), "not XML"),
    (e142, ('Type="Wafer"', 'Type="Strip"'), "SubstrateType 'Strip' is no wafer"),
    (e142, ('<Dimension X="4" Y="4"/>', '<Dimension X="4" Y="9"/>'), "header promises 9"),
    (e142, ("BinCodeMap", "TransferMap"), r"no BinCodeMap in it \(deviceidmap, transfermap\)"),
    (e142, ("<DeviceIdMap><Id>x</Id></DeviceIdMap>", "<BinCodeMap/>"), "several maps of bins"),
    (
        e142,
        (
            '"Ids"><DeviceIdMap><Id>x</Id></DeviceIdMap>',
            '"SortGrade" MapVersion="1.0"><BinCodeMap/>',
        ),
        "several maps of bins",
    ),
    (e142, ("<BinCode>1AA1<", '<BinCode X="1">1AA1<'), "X and Y are no whole numbers"),
    (e142, (' BinQuality="Pass"', ""), "does not say what '1' means"),
    (ibis, ("<ROW_COUNT>4", "<ROW_COUNT>5"), "4 rows, and its header promises 5"),
    (ibis, (".1*.<", ".1*<"), "15 dies, and COLUMN_COUNT promises rows of 4"),
    (ibis, ("<BIN_COUNT_PASS>7", "<BIN_COUNT_PASS>9"), "states 9 passing dies, .* map has 7"),
    (
        ibis,
        ('REF_DIE="*"', 'Picked="*" BIN32="*"'),
        r"what '\*' means; nobody knows what its BIN_CODE PICKED/BIN32 \('\*'\) means; say",
    ),
    (ibis, ('PASS="1"', 'SIMPLE="1" BIN32="X"'), "does not say"),
    (ibis, ("<COLUMN_COUNT>4", "<COLUMN_COUNT>"), "without COLUMN_COUNT"),
    (
        e142,
        ("</BinCode>\n<BinCode>1A11</BinCode>\n<BinCode>1AA1</BinCode>\n<BinCode>.1R.", ""),
        "1 rows, and its header promises 4",
    ),
    (ibis, ("WAFER_MAP", "OTHER"), "no WAFER_MAP"),
]


@pytest.mark.parametrize(("module", "change", "word"), BAD)
def test_a_bad_file_is_refused_with_a_word(
    module: ModuleType, change: tuple[str, str], word: str
) -> None:
    text = dict(FORMATS)[module]
    assert change[0] in text
    with pytest.raises(InputError, match=word):
        [wafer_of(fab, NO_RULES) for fab in maps(module, text.replace(*change))]


def test_it_is_told_where_it_says_nothing_of_its_bins() -> None:
    text = re.sub(r"<Bin .*?/>", "", G85.replace(' BinType="HexaDecimal"', ""))
    assert (found := by_content(text.encode()))
    assert found.name == "G85"
    [fab] = maps(g85, text)
    assert wafer_of(fab, rules_of(["00"], ["0F"])).dies.tolist() == L_DIES


def test_counts_that_a_later_step_made_wrong_are_a_warning() -> None:
    for module, change in (
        (g85, ('BinCount="7"', 'BinCount="9"')),
        (g85, ('Columns="4"', 'Columns="5"')),
        (g85, ('Rows="4"', 'Rows="3"')),
        (e142, ("<GoodDevices>7", "<GoodDevices>9")),
    ):
        [fab] = maps(module, dict(FORMATS)[module].replace(*change))
        assert fab.warnings[0].endswith("the map counts")
        assert wafer_of(fab, NO_RULES).dies.tolist() == L_DIES


def test_bins_in_one_row_are_cut_where_the_file_says_how_many_a_row_has() -> None:
    one = E142.replace("2DArray", "1DArray").replace("</BinCode>\n<BinCode>", "")
    for module, text in ((e142, one), (g85, G85.replace("]]></Row>\n<Row><![CDATA[", ""))):
        [fab] = maps(module, text)
        assert wafer_of(fab, NO_RULES).dies.tolist() == L_DIES
        assert fab.warnings == ("all bins stand in one row; cut into 4 of 4, top first",)
    for other in ('<Dimension X="16" Y="1"/>', ""):
        with pytest.raises(InputError, match="how they lie is not certain"):
            maps(e142, one.replace('<Dimension X="4" Y="4"/>', other))


def test_a_step_that_no_wafer_has_is_no_die_pitch() -> None:
    for step, pitch in (("200", (2400.0, 2900.0)), ("2.5", (2500.0, 3000.0))):
        size = f'<DeviceSize X="2400" Y="2900" Units="um"/><StepSize X="{step}" Y="3"/>'
        [fab] = maps(e142, E142.replace('<StepSize X="2.5" Y="3"/>', size))
        assert fab.pitch == pitch


@pytest.mark.parametrize(("module", "word"), [(g85, '"Ref"'), (e142, '"Reference"')])
def test_a_quality_that_is_no_verdict_is_no_die_and_named(module: ModuleType, word: str) -> None:
    [fab] = maps(module, dict(FORMATS)[module].replace(word, '"Scrap"'))
    wafer = wafer_of(fab, NO_RULES)
    bin_ = {g85: "0F", e142: "R"}[module]
    said = f"BinQuality 'Scrap' of bin '{bin_}' (1 dies) says neither pass nor fail: no die, unless"
    assert (wafer.dies.tolist(), wafer.legend) == (L_DIES, "file")
    assert said in (wafer.warning or "")
    passing = {g85: "00", e142: "1"}[module]
    for rules, state in (
        (rules_of([passing]), 2),
        (rules_of([passing, bin_]), 1),
        (rules_of([passing], [bin_]), 0),
        (Rules(recipes=(("r", Recipe(Match(), pass_bins=(passing,))),)), 2),
        (Rules(recipes=(("r", Recipe(Match(), fail_bins=(bin_,))),)), 2),
        (Rules(recipes=(("r", Recipe(Match(), none_bins=(bin_,))),)), 0),
    ):
        wafer = wafer_of(fab, rules)
        assert wafer.dies.tolist() == [*L_DIES[:3], [0, 1, state, 0]]
        assert "BinQuality" not in (wafer.warning or "")
    [again] = maps(module, written(module, fab))
    null = np.where(fab.meanings() == "other", "null", fab.meanings())
    assert (again.meanings().tolist(), again.warnings) == (null.tolist(), ())
    [again] = die_table.read_maps(BytesIO(written(die_table, fab)), "w.csv")
    assert isinstance(again, FabMap)
    assert again.meanings().tolist() == null.tolist()


def test_names_of_another_format_in_a_comment_say_nothing() -> None:
    for text, name in ((G85, "G85"), (E142, "E142")):
        line, _, rest = text.partition("\n")
        note = "<!-- <MapData> of <Map> RowData: 01\nFileVersion 1 2; -->"
        found = by_content(f"{line}\n{note}\n{rest}".encode())
        assert (found and found.name) == name
    began = time.perf_counter()
    assert by_content(b"<a>" + b"<!--" * 16384 + b"<Map><Bin>") is None
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(("module", "bin_"), [(g85, "0A"), (e142, "A")])
def test_words_of_the_only_dies_that_may_fail_make_no_wafer_of_passes(
    module: ModuleType, bin_: str
) -> None:
    text = dict(FORMATS)[module].replace('"Fail"', '"Rejected"')
    [fab] = maps(module, text)
    what = rf"BinQuality 'Rejected' of bin '{bin_}' \(4 dies\).* and no die fails; .*--pass-bins"
    with pytest.raises(UnsaidError, match=what + ".* fail_bins or none_bins"):
        wafer_of(fab, NO_RULES)
    fails = Rules(recipes=(("r", Recipe(Match(), fail_bins=(bin_,))),))
    assert (wafer_of(fab, fails).dies == 2).sum() == 4
    assert not (wafer_of(fab, rules_of((), [bin_])).dies == 2).any()


def test_a_wafer_of_which_no_quality_is_a_verdict_is_refused_with_its_words() -> None:
    text = G85.replace('"Pass"', '"OK"').replace('"Fail"', '"NG"').replace('"Ref"', '"BIN3"')
    [fab] = maps(g85, text)
    words = (
        r"'NG' of bin '0A' .*'OK' of bin '00' \(7 dies\), 'BIN3' .* says neither pass nor fail; say"
    )
    with pytest.raises(InputError, match="which codes pass; .*BinQuality " + words):
        wafer_of(fab, NO_RULES)
    assert wafer_of(fab, rules_of(["00"], ["0F"])).dies.tolist() == L_DIES


def test_good_dies_check_who_says_what_passes() -> None:
    [fab] = maps(e142, E142.replace(' BinQuality="Pass"', ""))
    assert wafer_of(fab, rules_of(["1"])).dies.tolist() == L_DIES
    with pytest.raises(InputError, match="states 7 passing dies, by this legend its map has 4"):
        wafer_of(fab, rules_of(["A"]))


@pytest.mark.parametrize("axes", ["UpRight", "DownRight", "UpLeft", "DownLeft", ""])
def test_dies_at_x_and_y_come_out_the_right_way_up(axes: str) -> None:
    up, left = not axes.startswith("Down"), axes.endswith("Left")
    dies = np.array(L_DIES)
    cells = "".join(
        f'<BinCode X="{-x if left else x}" Y="{-y if up else y}">{"_19"[state]}</BinCode>'
        for (y, x), state in np.ndenumerate(dies)
        if state
    )
    text = re.sub(r"<BinCode>.*</BinCode>\n", "", E142).replace('"A"', '"9"')
    text = text.replace("</BinDefinitions>", "</BinDefinitions>" + cells)
    [fab] = maps(e142, text.replace("UpRight", axes))
    assert wafer_of(fab, NO_RULES).dies.tolist() == L_DIES
    assert bool(fab.warnings) is not bool(axes)


def test_a_die_that_is_far_away_is_refused() -> None:
    rows = re.compile("<BinCode>.*</BinCode>", re.DOTALL)
    far = '<BinCode X="0" Y="0">1</BinCode><BinCode X="2147483648" Y="0">1</BinCode>'
    with pytest.raises(InputError, match="at most 4096 a side"):
        maps(e142, rows.sub(far, E142))


def test_a_file_holds_several_wafers_and_a_bad_one_does_not_stop_the_others() -> None:
    for module, end in ((g85, "</Map>"), (e142, "</SubstrateMap>")):
        text = dict(FORMATS)[module]
        one = text[text.index("<" + end[2:-1] + " ") : text.index(end) + len(end)]
        bad = one.replace(">", ' SubstrateType="Tray">', 1).replace('SubstrateType="Wafer" ', "")
        last = one.replace("A-01", "B")
        found = list(module.read_maps(BytesIO(text.replace(end, end + bad + last).encode()), "w"))
        assert isinstance(found[1], InputError)
        assert found[1].source == "w[1]"
        assert [(found[each].wafer, found[each].index) for each in (0, 2)] == [
            ("A-01", 0),
            ("B", 2),
        ]


@pytest.mark.parametrize(("module", "text"), FORMATS)
def test_files_behind_one_another_are_several_wafers(module: ModuleType, text: str) -> None:
    second = text.replace("A-01", "B").replace("?>", "?>\n<!DOCTYPE it>", 1)
    one, other = maps(module, f"{text}\n{second}\x1a")
    assert (one.wafer, other.wafer, other.index) == ("A-01", "B", 1)
    assert wafer_of(other, NO_RULES).dies.tolist() == L_DIES
    for bad in (text[: len(text) // 2] + text, text + text[: len(text) // 2], text + "x" + text):
        with pytest.raises(InputError, match=r"line \d+: not XML|text between"):
            maps(module, bad)


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp", "Zs"]), min_size=0, max_size=8
)
#: What is written as it is; OTHER becomes NULL.
MEANINGS = [each for each in Meaning if each is not Meaning.OTHER]
CODES = st.lists(
    st.tuples(st.text("0123456789ABz+", min_size=1, max_size=4), st.sampled_from(MEANINGS)),
    min_size=1,
    max_size=6,
    unique_by=lambda code: code[0],
)


@pytest.mark.parametrize("module", WRITERS)
@settings(deadline=None, max_examples=50)
@given(data=st.data(), codes=CODES, lot=TEXT, wafer=TEXT, turn=TEXT, pitch=st.floats(20, 1e6))
def test_what_is_written_reads_back_the_same(
    module: ModuleType, data: st.DataObject, codes: list[tuple[str, Meaning]], lot: str, wafer: str,
    turn: str, pitch: float,
) -> None:  # fmt: skip
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    cells = data.draw(st.lists(st.integers(-1, len(codes) - 1), min_size=25, max_size=25))
    grid = np.array(cells[: shape[0] * shape[1]], np.int16).reshape(shape)
    legend = tuple(Code(*code) for code in codes)
    size = (round(pitch, 3), 2000.0)
    fab = FabMap(grid, legend, lot, wafer, "P", "3", turn, size, source="w")
    [once] = maps(module, written(module, fab))
    assert (fab.meanings() == once.meanings()).all()
    assert replace(fab, codes=once.codes, legend=once.legend) == once
    assert not once.warnings
    assert maps(module, written(module, once, once)) == [once, once]


@pytest.mark.parametrize("module", WRITERS)
def test_all_turns_and_flips_stay_what_they_are(module: ModuleType) -> None:
    [fab] = maps(g85, G85)
    for turns in range(8):
        codes = np.rot90(fab.codes if turns < 4 else np.fliplr(fab.codes), turns)
        [again] = maps(module, written(module, replace(fab, codes=codes)))
        assert again == replace(fab, codes=codes)


def accepted(patterns: dict[int, str]) -> dict[int, Finding]:
    return {index: Finding(pattern, "accept") for index, pattern in patterns.items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "ascii"])
@pytest.mark.parametrize(("module", "text"), [(g85, G85), (e142, E142)])
def test_the_pattern_is_written_back_and_all_else_stays(
    module: ModuleType, text: str, encoding: str
) -> None:
    content = (text if encoding != "ascii" else f"\0\0{text}").encode(encoding)
    once = module.write_back(content, accepted({0: "Edge--Ring", 1: "Öl"}))
    end = len(content) - len("\n".encode(encoding.removesuffix("-sig").replace("16", "16-le")[:9]))
    assert once.startswith(content[:end])
    assert maps(module, once) == maps(module, content)
    said = once.decode("utf-16" if encoding == "utf-16" else encoding)
    assert (
        "\n<!-- wm-edge wafer 0: Edge- -Ring, accept -->\n<!-- wm-edge wafer 1: \\xd6l, accept -->"
        in said
    )
    assert module.write_back(once, accepted({0: "Edge--Ring", 1: "Öl"})) == once
    assert module.write_back(once, {}) == content
    with pytest.raises(InputError, match="not XML"):
        module.write_back(content[:-20], accepted({0: "Donut"}))


def test_another_reader_agrees_on_our_maps() -> None:
    other = pytest.importorskip("g85", reason="the reader g85 is not installed (GPL, tests only)")
    for passing, failing, null in (("1", "F", "."), ("1", "700", "255"), ("0A", "0B", "FF")):
        legend = (Code(passing, Meaning.PASS), Code(failing, Meaning.FAIL))
        fab = FabMap(np.array([[0, -1], [1, 1]], np.int16), legend, wafer="A", orientation="down")
        [wafer] = other.read(StringIO(written(g85, fab).decode()))
        [device] = wafer.devices
        assert str(device.NullBin) == null
        assert [[device.bin_pass.get(die) for die in row] for row in device.map] == [
            [True, None], [False, False]
        ]  # fmt: skip


def test_a_folder_is_searched_for_them_and_passes_over_other_xml(tmp_path: Path) -> None:
    for number, (_, text) in enumerate(FORMATS):
        (tmp_path / f"{number}.xml").write_text(text)
    (tmp_path / "x.xml").write_text("<maps><map name='city'/></maps>")
    (tmp_path / "y.xml").write_text("<project><binary/></project>")
    assert [Path(str(name)).name for name in expand([tmp_path])] == ["0.xml", "1.xml", "2.xml"]
