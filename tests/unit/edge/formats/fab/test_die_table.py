"""Tables of dies by x and y, written so that reading gives the same; grids of bins beside."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.formats.fab import die_table
from edge.formats.fab.fab_map import Code, FabMap, Meaning, Stated
from edge.formats.fab.legend import wafer_of
from edge.formats.fab.rules import NO_RULES, Rules, rules_of
from edge.formats.reading import read
from edge.formats.registry import by_content
from edge.wafer.wafermap import WaferMap

L_DIES = np.array([[0, 1, 1, 0], [1, 2, 1, 1], [1, 2, 2, 1], [0, 1, 1, 0]])


def maps(text: str | bytes) -> list[FabMap]:
    data = text if isinstance(text, bytes) else text.encode()
    found = list(die_table.read_maps(BytesIO(data), "w.csv"))
    assert not [one for one in found if isinstance(one, InputError)]
    return [one for one in found if isinstance(one, FabMap)]


def written(*given: FabMap) -> bytes:
    file = BytesIO()
    die_table.write(given, file)
    return file.getvalue()


def table(dies: np.ndarray, names: str = "x,y,bin", bins: tuple[str, str] = ("1", "5")) -> str:
    rows = [f"{x - 2},{y - 2},{bins[dies[y, x] - 1]}" for y, x in np.argwhere(dies).tolist()]
    return "\n".join([names, *rows]) + "\n"


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flipped", [False, True])
def test_an_l_comes_out_the_right_way_up_as_y_grows_downwards(turns: int, flipped: bool) -> None:
    dies = np.rot90(L_DIES, turns)
    dies = np.fliplr(dies) if flipped else dies
    [fab] = maps(table(dies))
    wafer = wafer_of(fab, rules_of(["1"]))
    assert wafer.dies.tolist() == dies.tolist()
    [again] = maps(written(fab))
    assert again == fab


@pytest.mark.parametrize(
    "names",
    ["X,Y,Bin", "x,y,HBIN", '"X_COORD","Y_COORD","Hard Bin"', "die_x,die_y,soft_bin", "Col,Row,bin",
     "# x,y,bin", '"X: Descending","Y: Ascending",HBin',
     "# made by a tool\n# lot: L, x\n\nx,y,bin"],
)  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "   "])
def test_content_tells_it_by_its_names(names: str, separator: str, tmp_path: Path) -> None:
    path = tmp_path / "w.dat"
    path.write_text(table(L_DIES, names).replace(",", separator))
    [wafer] = read(path, rules_of(["1"]))
    assert isinstance(wafer, WaferMap)
    assert wafer.dies.tolist() == L_DIES.tolist()


def test_wafers_by_lot_and_number_in_any_order_and_the_hard_bin_decides() -> None:
    rows = "A,W01,0,0,1,45\nA,W02,0,0,3,1\nA,W01,1,0,3,1\nA,W01,1,0,1,1\n"
    one, other = maps("lot,wafer,x,y,hbin,sbin\n" + rows)
    assert [(fab.lot, fab.wafer, fab.index) for fab in (one, other)] == [
        ("A", "W01", 0), ("A", "W02", 1),
    ]  # fmt: skip
    assert (one.texts().tolist(), one.retests) == ([["1", "1"]], 1)
    by_slot = maps("slot,x,y,bin\n01,0,0,1\n02,0,0,3\n")
    assert [(fab.slot, fab.retests) for fab in by_slot] == [("01", 0), ("02", 0)]


@pytest.mark.parametrize(
    "name",
    ["Wafer#", "waf", "WF", "wfr", "W", "Wafer Index", "Substrate_ID", "Scribe", "LotWafer",
     "wafer slot", "Slot No."],
)  # fmt: skip
def test_whatever_tells_wafers_apart_is_called(name: str) -> None:
    found = maps(f"lot,{name},x,y,bin\nA,01,0,0,1\nA,02,0,0,7\n")
    assert [(fab.wafer or fab.slot, fab.texts().item()) for fab in found] == [
        ("01", "1"), ("02", "7"),
    ]  # fmt: skip


def test_nearly_all_dies_again_in_a_wafer_with_a_name_are_told() -> None:
    rows = [f"1,{x},0,{n}" for n in (1, 7) for x in range(20 - n // 7)]
    [fab] = maps("\n".join(["wafer,x,y,bin", *rows]))
    assert fab.retests == 19
    assert fab.warnings == (
        "19 of 20 dies stand in several rows, as if of several wafers; the last ones count",
    )


def test_one_wafer_of_a_table_that_is_none_leaves_the_others() -> None:
    rows = b"1,0,0,a,1\n1,0,0,b,2\n2,0,0,a,1\n"
    bad, good = die_table.read_maps(BytesIO(b"wafer,x,y,test,bin\n" + rows), "w.csv")
    assert isinstance(bad, InputError)
    assert isinstance(good, FabMap)


def test_i_and_j_are_the_die_where_x_and_y_are_a_position() -> None:
    [fab] = maps("i,j,x,y,bin\n0,0,0.5,0.1,1\n1,0,5.5,0.1,2\n")
    assert fab.texts().tolist() == [["1", "2"]]


def test_a_verdict_says_what_passes() -> None:
    for name, good, bad in (("pass_flag", "1", "0"), ("result", "PASS", "Fail"), ("pf", "P", "F"),
                            ("G/N", "GO", "NG"), ("result", "OK", "NOK")):  # fmt: skip
        [fab] = maps(f"x,y,bin,{name}\n0,0,1,{good}\n1,0,7,{bad}\n")
        assert wafer_of(fab, NO_RULES).dies.tolist() == [[1, 2]]
    [fab] = maps("x,y,result\n0,0,pass\n1,0,fail\n")
    assert wafer_of(fab, NO_RULES).dies.tolist() == [[1, 2]]
    for name in ("status", "pass_fail"):  # 1 passes in some tools and fails in others
        with pytest.raises(InputError, match="does not say"):
            wafer_of(maps(f"x,y,bin,{name}\n0,0,1,1\n1,0,7,0\n")[0], NO_RULES)


def test_a_word_that_says_nothing_of_a_bin_of_which_others_do_is_refused() -> None:
    rows = "x,y,bin,result\n0,0,1,PASS\n1,0,2,FAIL\n"
    with pytest.raises(InputError, match="line 4: 'PAST' says nothing of bin '1'"):
        maps(f"{rows}2,0,1,PAST\n")
    with pytest.raises(InputError, match="line 5: 'PA' says nothing of bin '1'"):
        maps(f"{rows}2,0,99,SCRAP\n3,0,1,PA\n")
    [fab] = maps(f"{rows}2,0,1,FAIL\n")
    assert fab.warnings == (
        "bin '1' passes in some rows and fails in others; what each row says counts",
    )


def test_a_row_of_totals_is_no_wafer() -> None:
    assert len(maps("lot,wafer,x,y,bin\nA,1,0,0,1\nA,2,0,0,1\nTotal,,,,\n")) == 2
    assert len(maps("lot,x,y,bin\nA,0,0,1\nB,0,0,1\n")) == 2


def test_units_between_names_and_dies_are_no_wafer() -> None:
    rows = "Tests#,,,,10\nUnit,,,,V\nA,3,4,1,0.5\nA,4,4,2,0.5\n"
    text = "SLOT,,\n8,,\n,,,,1001\nlot,x,y,bin,t1\n" + rows.replace("Tests#", "").replace(
        "Unit", ""
    )
    assert die_table.is_format(text.encode())
    [fab] = maps(text)
    assert (fab.lot, fab.index, fab.texts().tolist()) == ("A", 0, [["1", "2"]])
    assert fab.warnings == ()


def test_a_wafer_called_like_a_comment_is_one() -> None:
    [fab] = maps("wafer,x,y,bin\n# a, remark\n#7,0,0,1\n# 1,remark,3,x\n#7,1,0,2\n")
    assert (fab.wafer, fab.texts().tolist()) == ("#7", [["1", "2"]])


def test_quoted_cells_whole_floats_and_dies_without_a_position() -> None:
    rows = '1.0,2.000,3.0,"Widget, II",\n-32768,-32768,1,a,\n,,1,a,\n"2","2",5,"say ""no""",b\n'
    [fab] = maps("x,y,bin,product,note\n" + rows)
    assert fab.texts().tolist() == [["3", "5"]]
    assert fab.warnings == ("2 dies have no position; they are left out",)


BAD = [
    ("x,y,value\n1,1,0.5\n", "line 1 names no column of bins"),
    ("x,y,bin\n1,1,0.5\n", "line 2: '0.5' is no bin; a measured value"),
    ("x,y,bin\n1,1,1e-3\n", "a measured value"),
    ("x,y,bin\n1.5,1.2,3\n", "a position in mm does not"),
    ("x,y,bin\n1,1\n", "line 2 has 2 cells, the names above are 3"),
    ("x,y,bin\n1,1,1,2\n", "line 2 has 4 cells, the names above are 3"),
    ('x,y,bin\n1,1,"1\n2,1,1\n', "line 2"),
    ("x,y,bin\n2147483648,1,1\n", "no whole numbers of nine digits at most"),
    ("x,y,bin\n0,0,1\n214748364,1,1\n", "at most 4096 a side"),
    ("x,y,bin\n0,0,1\n0,1000000,1\n", "at most 4096 a side"),
    ("x,y,bin\n" + "".join(f"{n % 60},{n // 60},{n}\n" for n in range(5000)), "more than 4096"),
    ("x,y,bin\n", "without any die"),
    ("x,y,bin\n10,10,13\n10,11,13\n10,12,1", "its last line has no end"),
    ("x,y,test,result\n0,0,1,PASS\n0,0,2,FAIL\n1,0,1,PASS\n1,0,2,FAIL\n", "a row per test"),
    ("x,y,Test_Num,bin\n0,0,1,1\n0,0,2,7\n1,0,1,1\n", "export one row a die"),
    ("lot,x,y,bin\nA,0,0,1\nA,1,0,1\nA,0,0,7\nA,1,0,1\n", "2 of 2 dies stand in several rows"),
]


@pytest.mark.parametrize(("text", "word"), BAD)
def test_a_bad_table_is_refused_with_a_word(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        maps(text)


@pytest.mark.parametrize(
    "text",
    [
        "x,y,value\n1,1,0.5\n",
        "FILE,TOTAL,PASS\na,1,1\n",
        "1,2,1\nx,y,bin\n",
        "lot,bin\nA,1\n",
        'x,"y\na,b\n',
    ],
)
def test_other_tables_are_none(text: str) -> None:
    found = by_content(text.encode())
    assert found is None or found.name != "table of dies"


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=0, max_size=8
)
#: What is written as it is; OTHER becomes NULL.
MEANINGS = [each for each in Meaning if each is not Meaning.OTHER]
CODES = st.lists(
    st.tuples(st.text("0123456789ABZ", min_size=1, max_size=4), st.sampled_from(MEANINGS)),
    min_size=1,
    max_size=6,
    unique_by=lambda code: code[0],
)


@settings(deadline=None)
@given(data=st.data(), codes=CODES, lot=TEXT, wafer=TEXT, device=TEXT)
def test_what_is_written_reads_back_the_same(
    data: st.DataObject, codes: list[tuple[str, Meaning]], lot: str, wafer: str, device: str
) -> None:
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    cells = data.draw(st.lists(st.integers(-1, len(codes) - 1), min_size=25, max_size=25))
    grid = np.array(cells[: shape[0] * shape[1]], np.int16).reshape(shape)
    legend = tuple(Code(*code) for code in codes)
    fab = FabMap(grid, legend, lot=lot, wafer=wafer, device=device, orientation="down",
                 pitch=(2500.125, 0.3), stated=Stated(9, None, 7))  # fmt: skip
    second = FabMap(grid[::-1], legend, lot=lot, wafer=wafer + "2", device=device)
    once = maps(written(fab, second))
    assert [each.codes.shape for each in once] == [shape, shape]
    for before, after in zip((fab, second), once, strict=True):
        assert before.texts().tolist() == after.texts().tolist()
        assert before.meanings().tolist() == after.meanings().tolist()
        assert (before.pitch, before.stated) == (after.pitch, after.stated)
    assert maps(written(*once)) == once


@pytest.mark.parametrize(
    ("text", "dies"),
    [("0,1,7\n1,1,1\n", [[2, 1, 2], [1, 1, 1]]), ("1 1 7\n_ 1 1\n", [[1, 1, 2], [0, 1, 1]]),
     ("X1A\n111\n", [[2, 1, 2], [1, 1, 1]]),
     (",1,7\n,1,1\n,1,1\n", [[0, 1, 2], [0, 1, 1], [0, 1, 1]])],
)  # fmt: skip
def test_a_grid_of_bins_needs_somebody_who_says_what_passes(
    text: str, dies: list[list[int]], tmp_path: Path
) -> None:
    path = tmp_path / "w.csv"
    path.write_text(text)
    [wafer] = read(path, rules_of(["1"]))
    assert isinstance(wafer, WaferMap)
    assert (wafer.dies.tolist(), wafer.legend) == (dies, "option --pass-bins")
    for rules in (NO_RULES, rules_of(none_bins=["X"])):
        with pytest.raises(InputError, match="die states"):
            list(read(path, rules))


@pytest.mark.parametrize(
    ("text", "rules", "word"),
    [
        ("0,1,2,3\n1,1,7,1\n", rules_of(["1"]), "line 1 counts columns, or bins"),
        ("0,1,7\n1,1,7\n2,1,1\n", rules_of(["1"]), "the first column counts rows, or bins"),
        ("0,1,0.5\n1,1,7\n", rules_of(["1"]), "'0.5' is no bin"),
        ("0,1,7\n1,1\n", rules_of(["1"]), "line 2 has 2 dies"),
        ("x,y,value\n1,1,7\n1,2,7\n", rules_of(["1"]), "names of columns"),
        ("x y value\n1 1 7\n1 2 7\n", rules_of(["1"]), "names of columns"),
        ("00000101\n00010701\n01010101\n", rules_of(["01"]), "one character or several"),
        ("x,y,fail\n1,1,NOK\n1,2,OK\n", rules_of(["1"]), "names of columns"),
        ("wafer,x1,y1\nA,1,7\nB,2,7\n", rules_of(["1"]), "a line a wafer"),
        ("slot,good,bad\n1,300,41\nbad,1,7\n", rules_of(["1"]), "a line a wafer"),
    ],
)
def test_a_grid_that_may_be_something_else_is_refused(
    text: str, rules: Rules, word: str, tmp_path: Path
) -> None:
    path = tmp_path / "w.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=word):
        list(read(path, rules))


def test_a_grid_of_die_states_is_one_whatever_passes(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("0,1,1\n1,1,2\n0,1,0\n")
    [wafer] = read(path, rules_of(["2"]))
    assert isinstance(wafer, WaferMap)
    assert (wafer.dies.tolist(), wafer.legend) == ([[0, 1, 1], [1, 1, 2], [0, 1, 0]], None)


def test_a_recipe_must_name_grids_of_bins(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("0,1,7\n1,1,1\n")
    (tmp_path / "r.toml").write_text('pass_bins = ["1"]\n[match]\n')
    with pytest.raises(InputError, match="die states"):
        list(read(path, rules_of(recipes=tmp_path)))
    (tmp_path / "r.toml").write_text('pass_bins = ["1"]\n[match]\nformat = "grid of bins"\n')
    [wafer] = read(path, rules_of(recipes=tmp_path))
    assert isinstance(wafer, WaferMap)
    assert wafer.legend == "recipe r"
