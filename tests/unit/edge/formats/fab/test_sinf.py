"""SINF: read as it is drawn, written so that reading gives the same."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.formats.fab import sinf
from edge.formats.fab.fab_map import Code, FabMap, Meaning
from edge.formats.fab.legend import wafer_of
from edge.formats.fab.rules import NO_RULES, rules_of
from edge.formats.paths import expand
from edge.formats.reading import read
from edge.formats.registry import by_content

#: An L of fails whose foot points to the right: no turn and no flip of it is the same.
L = """DEVICE:P7
LOT: L-1\t
WAFER:01
FNLOC:180
ROWCT:4
COLCT:4
BCEQU:01 02
DUTMS:mm
XDIES:2.5
YDIES:3
RowData:__ 07 01 __
RowData:01 07 01 02
RowData:01 07 07 01
RowData:__ 01 @@ __
"""
L_DIES = [[0, 2, 1, 0], [1, 2, 1, 1], [1, 2, 2, 1], [0, 1, 0, 0]]


def maps(text: str | bytes) -> list[FabMap]:
    data = text if isinstance(text, bytes) else text.encode()
    found = list(sinf.read_maps(BytesIO(data), "w.sinf"))
    assert all(isinstance(one, FabMap) for one in found)
    return found


def written(*given: FabMap) -> bytes:
    file = BytesIO()
    sinf.write(given, file)
    return file.getvalue()


@pytest.mark.parametrize("name", ["w.sinf", "w.001", "w", "w.csv"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode().replace(b"\n", b"\r"),
        lambda text: text.replace("RowData", "rowdata").replace("BCEQU", "bcequ").encode(),
        lambda text: text.encode().replace(b"\n", b"\r\n").replace(b"L-1", b"L-1\0\0"),
        lambda text: text.replace("P7", "Gerät").encode("latin-1"),
    ],
)
def test_content_tells_it_in_any_encoding_and_under_any_name(
    name: str, encode: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(encode(L))
    [wafer] = read(path)
    assert wafer.dies.tolist() == L_DIES
    assert (wafer.lot, wafer.wafer, wafer.legend, wafer.turned) == ("L-1", "01", "file", None)


def test_what_the_header_says() -> None:
    [fab] = maps(L)
    assert (fab.device, fab.orientation, fab.pitch) == ("P7", "180", (2500.0, 3000.0))
    assert Code("@@", Meaning.EDGE) in fab.legend


def test_a_header_in_other_words() -> None:
    text = L.replace("LOT:", "Lot NO:").replace("WAFER:", "Wafer ID:").replace("FNLOC", "Notch Dir")
    [fab] = maps(text)
    assert (fab.lot, fab.wafer, fab.orientation) == ("L-1", "01", "180")


def test_one_file_holds_several_wafers_and_a_header_may_stand_below() -> None:
    first = L.replace("WAFER:01\n", "") + "WAFER:A\n"
    one, other = maps(first + L)
    assert (one.wafer, one.index, other.wafer, other.index) == ("A", 0, "01", 1)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("ROWCT:4", "ROWCT:5"), "4 rows, and its header promises 5"),
        (("ROWCT:4", "ROWCT:1000000"), "at most 4096"),
        (("ROWCT:4", "ROWCT:-4"), "must be a whole number"),
        (("01 07 01 02", "01 07 01"), "line 12 has 3 dies, the rows above have 4"),
        (("01 07 01 02", "0107010"), "write blanks between"),
        (("BCEQU", "TESTED:9\nBCEQU"), "states 9 tested dies, .* has 11"),
        (("BCEQU", "PASS DIE:4\nBCEQU"), "states 4 passing dies, .* has 7"),
        (("BCEQU:01 02", "BCEQU:0102"), "which codes pass; .*'0102', which should pass"),
        (("BCEQU:01 02", "BCEQU:BIN1"), "which codes pass; .*'BIN1', which should pass"),
        (("4\nCOLCT:4\nBCEQU:01", "5\nBCEQU:0a\nRowData:0A 0A 0A 0A\nX:"), "'0a', which"),
        (("XDIES:2.5", "XDIES:-2.5"), "a die size of -2.5 x 3, must not be negative"),
        (("RowData:01 07 01 02", "01 07 01 02"), "line 12 is neither a row"),
    ],
)
def test_a_bad_file_is_refused_with_a_word(change: tuple[str, str], word: str) -> None:
    with pytest.raises(InputError, match=word):
        wafer_of(maps(L.replace(*change))[0], NO_RULES)


def test_a_last_bin_that_was_cut_off_is_none() -> None:
    square = L.replace("01 @@ __\n", "01 @@ 0")
    with pytest.raises(InputError, match="its last bin '0' is narrower than all others"):
        maps(square)
    assert maps(L.replace("07 07", "7 07").replace("01 @@ __\n", "01 @@ 7"))


def test_what_is_written_in_other_ways_reads_the_same() -> None:
    closed = "\n".join(
        line.replace(" ", "") if line.startswith("Row") else line for line in L.split("\n")
    )
    for text in (closed, L + "\x1a", L.replace("01 02\n", '"01";2\n', 1)):
        assert wafer_of(maps(text)[0], NO_RULES).dies.tolist() == L_DIES
        assert (found := by_content(text.encode()))
        assert found.name == "SINF"


def test_a_wrong_column_count_over_a_clean_rectangle_is_a_warning() -> None:
    [fab] = maps(L.replace("COLCT:4", "COLCT:5"))
    assert "promises 5 columns, each row has 4" in fab.warnings[0]


def test_what_is_no_bin_does_not_fail_unsaid(tmp_path: Path) -> None:
    path = tmp_path / "w.sinf"
    path.write_text(L.replace("@@", "--"))
    with pytest.raises(InputError, match=r"does not say what '--' means; .*--none"):
        list(read(path))
    [wafer] = read(path, rules_of(none_bins=["--"]))
    assert wafer.dies.tolist() == L_DIES


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=0, max_size=8
)
CODES = st.lists(
    st.tuples(st.text("0123456789ABZ", min_size=1, max_size=4), st.sampled_from(list(Meaning))),
    min_size=1,
    max_size=6,
    unique_by=lambda code: code[0].lstrip("0"),
)


@settings(deadline=None)
@given(data=st.data(), codes=CODES, lot=TEXT, wafer=TEXT, pitch=st.floats(1, 1e6))
def test_what_is_written_reads_back_the_same(
    data: st.DataObject, codes: list[tuple[str, Meaning]], lot: str, wafer: str, pitch: float
) -> None:
    if any(meaning is Meaning.UNKNOWN for _, meaning in codes):
        codes = [(text, each if each.is_none else Meaning.UNKNOWN) for text, each in codes]
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    cells = data.draw(st.lists(st.integers(-1, len(codes) - 1), min_size=25, max_size=25))
    grid = np.array(cells[: shape[0] * shape[1]], np.int16).reshape(shape)
    legend = tuple(Code(*code) for code in codes)
    fab = FabMap(grid, legend, lot=lot, wafer=wafer, pitch=(round(pitch, 3), 2000.0))
    [once] = maps(written(fab))
    verdicts = np.where(np.isin(fab.meanings(), ["pass", "fail", "unknown"]), fab.meanings(), "")
    again = np.where(np.isin(once.meanings(), ["pass", "fail", "unknown"]), once.meanings(), "")
    assert (verdicts == again).all()
    assert (once.lot, once.wafer, once.pitch) == (lot, wafer, fab.pitch)
    assert maps(written(once, once)) == [once, once]


def test_a_folder_is_searched_for_it_under_any_name(tmp_path: Path) -> None:
    for name in ("w.001", "noname", "w.TXT", ".hidden", "w.001.part"):
        (tmp_path / name).write_text(L)
    (tmp_path / "readme.txt").write_text("A folder of maps.\n")
    (tmp_path / "w2.csv").write_text("0,1\n1,1\n1,2\n")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert [Path(str(name)).name for name in expand([tmp_path])] == [
        "noname", "w.001", "w.TXT", "w2.csv"
    ]  # fmt: skip
    assert len(list(expand([tmp_path / "w.001", tmp_path, tmp_path / "w.TXT"]))) == 4
