"""A wafer that cannot be read is told by lot and wafer, where these were known by then."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from edge.errors import InputError, InputKind
from edge.formats.fab.rules import NO_RULES
from edge.formats.name_pattern import NamePattern, Names
from edge.formats.paths import read_items
from tests.support.cli import wm_edge

SINF = "LOT:A1\nWAFER:07\nROWCT:3\nCOLCT:2\nBCEQU:01\nRowData: 01 01\nRowData: 01 02\n"
G85 = (
    '<Map WaferId="07"><Device LotId="A1" Rows="2" Columns="2" BinType="HexaDecimal" NullBin="FF">'
    '<Bin BinCode="00" BinQuality="Pass"/><Data><Row>0000</Row></Data></Device></Map>'
)
E142 = (
    "<MapData><Substrates><Substrate SubstrateId='07'><LotId>A1</LotId></Substrate></Substrates>"
    "<SubstrateMaps><SubstrateMap SubstrateId='07'/></SubstrateMaps></MapData>"
)
IBIS = (
    "<IBIS_WAFER_DATA><HEADER><WAFER_BATCH_ID>A1</WAFER_BATCH_ID><WAFER>07</WAFER></HEADER>"
    "</IBIS_WAFER_DATA>"
)
KLARF = (
    'FileVersion 1 2;\nLotID "A1";\nWaferID "07";\nSampleTestPlan 2\n0 0\n1 0;\n'
    "DefectRecordSpec 3 DEFECTID XINDEX YINDEX ;\nDefectList\n1 0;\nEndOfFile;\n"
)
NESTED = (
    'Record FileRecord "1.8" { Record LotRecord "A1" { Record WaferRecord "07" {\n'
    "Field SlotNumber 1 {7}"
)
TEXT = "LOT ID : A1\nWAFER ID : 07\nMAP ROW : 7\nPASS BIN : 1\n\n" + 3 * ".1121.\n" + 3 * "111111\n"
LIST = "Lot: A1\nWafer: 07\n[MAP]:\n0 0 1\n0 x 1\n"
TABLE = "lot,wafer,x,y,bin\nA1,07,0,0,1\nA1,07,1,z,1\n"


@pytest.mark.parametrize("text", [SINF, G85, E142, IBIS, KLARF, NESTED, TEXT, LIST, TABLE])
def test_what_a_file_had_said_before(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.txt"
    path.write_text(text)
    (error,) = read_items([str(path)])
    assert isinstance(error, InputError)
    assert (error.lot, error.wafer) == ("A1", "07")
    assert str(error) == f"{path}: lot A1, wafer 07: {error.reason}"


def test_what_its_name_says(tmp_path: Path) -> None:
    names = Names(NamePattern("{lot}_{wafer}"), [tmp_path])
    (tmp_path / "B2_09.png").write_bytes(b"")
    (tmp_path / "B2_09.sinf").write_text(SINF.replace("LOT:A1\n", ""))
    (tmp_path / "B2_09.csv").write_text("lot,wafer,x,y,bin\n,1,0,0,q q\n,2,0,0,q q\n")
    for name, known in {"png": ("B2", "09"), "sinf": ("B2", "07"), "csv": ("B2", "1")}.items():
        (error,) = read_items([str(tmp_path / f"B2_09.{name}")], names, NO_RULES)
        assert isinstance(error, InputError)
        assert (error.lot, error.wafer) == known


def test_of_one_of_several_its_name_says_the_lot_alone(tmp_path: Path) -> None:
    path = tmp_path / "B2_09.sinf"
    good = SINF.replace("ROWCT:3", "ROWCT:2").replace("LOT:A1\n", "")
    path.write_text(good + SINF.replace("LOT:A1\n", "").replace("WAFER:07\n", "WAFER:\n"))
    found = list(read_items([str(path)], Names(NamePattern("{lot}_{wafer}"), [tmp_path])))
    assert len(found) == 2
    assert (found[1].lot, found[1].wafer) == ("B2", None)


def test_records_have_them_and_a_name_moves_no_cursor(tmp_path: Path) -> None:
    path = tmp_path / "w.sinf"
    path.write_text(SINF.replace("A1", "A1\x1b[2J"))
    done = wm_edge("classify", path, "-f", "jsonl")
    record = json.loads(done.stdout)
    assert (record["lot"], record["wafer"]) == ("A1\x1b[2J", "07")
    assert record["error"].startswith("lot A1?[2J, wafer 07: 2 rows, and its header promises 3")
    error = InputError("w", InputKind.EMPTY, "zero bytes").of("A1", None)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.lot, again.kind) == ("w: lot A1: zero bytes", "A1", InputKind.EMPTY)
