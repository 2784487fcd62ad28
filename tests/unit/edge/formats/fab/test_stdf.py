"""STDF: wafers as the records say, whatever their order, and refused where they are cut off."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError, UsageError
from edge.formats.fab import stdf, stdf_records
from edge.formats.fab.fab_map import Code, FabMap, Meaning
from edge.formats.fab.rules import rules_of
from edge.formats.paths import expand
from edge.formats.reading import read

PASS, FAIL, SILENT = 0, 8, 16

#: An L of fails whose foot points to the right, as (x, y) with y upwards; (2, 3) passes.
L = [(0, 0, FAIL), (1, 0, FAIL), (0, 1, FAIL), (0, 2, FAIL), (2, 3, PASS)]
L_DIES = [[0, 0, 1], [2, 0, 0], [2, 0, 0], [2, 2, 0]]


class Records:
    """Records of a made-up tester, in either order of bytes."""

    def __init__(self, order: str = "<", *, cpu: int | None = None) -> None:
        self.order = order
        self.data = b""
        self.add(0, 10, "BB", {"<": 2, ">": 1}[order] if cpu is None else cpu, 4)

    def add(self, kind: int, sub: int, form: str = "", *values: object) -> Records:
        """A record; texts are written behind the form's values."""
        texts = [value.encode("latin-1") for value in values if isinstance(value, str)]
        content = struct.pack(self.order + form, *values[: len(values) - len(texts)])
        content += b"".join(bytes([len(text)]) + text for text in texts)
        self.data += struct.pack(self.order + "HBB", len(content), kind, sub) + content
        return self

    def mir(self, *texts: str) -> Records:
        return self.add(1, 10, "IIB3sH1s", 0, 0, 1, b"   ", 0, b" ", *texts)

    def wir(self, wafer: str, head: int = 1) -> Records:
        return self.add(2, 10, "BBI", head, 255, 0, wafer)

    def prr(self, x: int, y: int, flags: int, hard: int | None = None, **other: int) -> Records:
        hard = hard if hard is not None else {FAIL: 7}.get(flags, 1)
        head, soft = other.get("head", 1), other.get("soft", 65535)
        return self.add(5, 20, "BBBHHHhhI", head, 1, flags, 9, hard, soft, x, y, 0, "p", "", "")

    def results(self, *dies: tuple[int, int, int]) -> Records:
        for die in dies:
            self.prr(*die)
        return self

    def wrr(self, parts: int = 2**32 - 1, good: int = 2**32 - 1, head: int = 1) -> Records:
        gone = 2**32 - 1
        return self.add(2, 20, "BBI5I", head, 255, 0, parts, gone, gone, good, gone)

    def wcr(self, flat: bytes = b"D", pos: bytes = b"RU", unit: int = 3) -> Records:
        values = (100.0, 3.0, 2.5, unit, flat, 0, 0, pos[:1], pos[1:])
        return self.add(2, 30, "fffB1shh1s1s", *values)

    def bin(self, number: int, letter: bytes, sub: int = 40) -> Records:
        return self.add(1, sub, "BBHI1s", 255, 255, number, 0, letter, "")

    def end(self) -> Records:
        return self.add(1, 20, "I", 0)


def wafer(*dies: tuple[int, int, int], order: str = "<") -> Records:
    """All records of one wafer but the MRR."""
    return Records(order).mir("L-1", "P7", "node", "T1").wcr().wir("01").results(*dies).wrr()


def maps(tester: Records | bytes) -> list[FabMap]:
    data = tester if isinstance(tester, bytes) else tester.data
    found = list(stdf.read_maps(BytesIO(data), "w.stdf"))
    for each in found:
        if isinstance(each, InputError):
            raise each
    return [each for each in found if isinstance(each, FabMap)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_l_is_read_in_both_orders_of_bytes(order: str, tmp_path: Path) -> None:
    tester = wafer(*L, order=order).add(180, 7, "I", 5).add(0, 20, "", "x" * 200).end()
    path = tmp_path / "w.001"
    path.write_bytes(tester.data + bytes(509))  # a tape's last block
    [found] = read(path)
    assert found.dies.tolist() == L_DIES
    assert (found.lot, found.wafer, found.device, found.warning) == ("L-1", "01", "P7", None)
    assert (found.legend, found.turned, found.retests) == ("file", 0, 0)
    [fab] = maps(tester)
    assert (fab.pitch, fab.tool, fab.orientation) == ((2500.0, 3000.0), "T1", "Down")
    assert list(expand([tmp_path])) == [str(path)]


@pytest.mark.parametrize("pos_x", ["R", "L"])
@pytest.mark.parametrize("pos_y", ["U", "D"])
@pytest.mark.parametrize(("flat", "turns"), [("D", 0), ("L", 1), ("U", 2), ("R", 3)])
def test_the_l_comes_out_with_the_flat_down(
    pos_x: str, pos_y: str, flat: str, turns: int, tmp_path: Path
) -> None:
    drawn = np.rot90(np.array(L_DIES), -turns)
    rows, columns = np.nonzero(drawn)
    dies = [
        (int(x if pos_x == "R" else -x), int(-y if pos_y == "U" else y), (PASS, FAIL)[state - 1])
        for y, x, state in zip(rows, columns, drawn[rows, columns], strict=True)
    ]  # fmt: skip
    tester = Records().mir("L").wcr(flat.encode(), (pos_x + pos_y).encode()).wir("1")
    (tmp_path / "w.stdf").write_bytes(tester.results(*dies).wrr().end().data)
    [found] = read(tmp_path / "w.stdf")
    assert found.dies.tolist() == L_DIES
    assert (found.turned, found.warning) == (90 * turns, None)


def test_where_axes_are_not_said_the_flat_does_not_turn_it(tmp_path: Path) -> None:
    tester = Records().mir("L").wcr(b"U", b"  ").wir("1").results(*L).wrr().end()
    (tmp_path / "w.stdf").write_bytes(tester.data)
    [found] = read(tmp_path / "w.stdf")
    assert (found.dies.tolist(), found.turned) == (L_DIES, None)
    assert "the direction of x and y" in (found.warning or "")


def test_the_last_result_of_a_die_counts_with_or_without_a_flag() -> None:
    tester = wafer(*L, (0, 0, PASS), (1, 0, PASS | 2), (1, 0, FAIL), (-32768, 5, FAIL))
    [fab] = maps(tester.end())
    assert fab.meanings().tolist()[3] == ["pass", "fail", "null"]
    assert fab.retests == 3


RESULT = st.tuples(
    st.sampled_from([13, 13, 13, 20, 64, 65, 12, 9, 3, 0]),  # bytes
    st.sampled_from([1, 1, 1, 2, 255]),  # head
    st.sampled_from([0, 1, 2, -32768, 1300, 2565]),  # x; of the last two, kinds of records
    st.booleans(),  # a PIR before it
    st.integers(1, 4),  # so often
)


@given(results=st.lists(RESULT, max_size=8), order=st.sampled_from("<>"))
def test_results_of_one_length_are_taken_at_once_as_if_one_by_one(
    results: list[tuple[int, int, int, bool, int]], order: str
) -> None:
    tester = Records(order).mir("L").wir("1").wir("2", head=2).prr(0, 0, FAIL).prr(0, 0, 8, head=2)
    for number, (length, head, x, has_pir, times) in enumerate(results * 3):
        content = struct.pack(order + "BBBHHHhh", head, 1, FAIL, 0, number, 1, x, number % 4)
        for _ in range(times):
            if has_pir:
                tester.add(5, 10, "BB", head, 1)
            tester.add(5, 20, f"{length}s", (content * 5)[:length])
    tester.wrr().wrr(head=2).end()
    at_once = maps(tester)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stdf_records, "_SHORT", 0)
        one_by_one = maps(tester)
    assert at_once == one_by_one
    assert [fab.warnings for fab in at_once] == [fab.warnings for fab in one_by_one]


def test_wafers_of_several_heads_interleave_and_an_id_may_stand_at_the_end() -> None:
    tester = Records(">").mir("L").wir("A").wir("", head=2)
    tester.prr(-3, -2, PASS).prr(5, 5, FAIL, head=2).prr(-2, -2, FAIL).prr(9, 9, PASS, head=3)
    tester.add(2, 20, "BBI5I", 2, 255, 0, 1, 0, 0, 0, 0, "B").wrr().end()
    one, other = maps(tester)
    assert (one.wafer, one.meanings().tolist(), one.index) == ("A", [["pass", "fail"]], 0)
    assert (other.wafer, other.meanings().tolist(), other.index) == ("B", [["fail"]], 1)
    assert "1 results of the file stand outside" in " ".join(one.warnings)


@pytest.mark.parametrize(
    ("flags", "bins", "good", "meaning"),
    [
        ((SILENT, SILENT), [(1, b"P", 40), (2, b"F", 40)], 9, ["pass", "fail"]),
        ((SILENT, SILENT), [(11, b"P", 50), (12, b"F", 50)], 9, ["pass", "fail"]),
        ((SILENT, SILENT), [(1, b"P", 40), (1, b"F", 40)], 9, ["unknown", "unknown"]),
        ((SILENT, FAIL), [], 9, ["unknown", "fail"]),
        ((PASS, PASS), [(2, b"F", 40)], 1, ["pass", "fail"]),  # the flags were never set
        ((PASS, PASS), [(2, b"F", 40)], 2, ["pass", "pass"]),
        ((PASS, PASS), [(2, b"F", 40)], 9, ["pass", "unknown"]),
    ],
)
def test_what_passes_is_what_parts_and_bins_say(
    flags: tuple[int, int], bins: list[tuple[int, bytes, int]], good: int, meaning: list[str]
) -> None:
    tester = Records().mir("L").wir("1")
    for x, flag in enumerate(flags):
        tester.prr(x, 0, flag, x + 1, soft=x + 11)
    tester.wrr(2, good)
    for each in bins:
        tester.bin(*each)
    [fab] = maps(tester.end())
    assert fab.meanings().tolist() == [meaning]


def test_an_option_says_what_passes_where_the_file_does_not(tmp_path: Path) -> None:
    path = tmp_path / "w.stdf"
    path.write_bytes(Records().mir("L").wir("1").prr(0, 0, SILENT, 5).wrr().end().data)
    with pytest.raises(InputError, match="which codes pass; it has '5'"):
        list(read(path))
    [found] = read(path, rules_of(pass_bins=["5"]))
    assert found.dies.tolist() == [[1]]
    path.write_bytes(wafer((0, 0, PASS), (1, 0, FAIL)).bin(1, b"F").bin(7, b"P").end().data)
    with pytest.raises(InputError, match=r"parts .* and bins .* different things of bin 1, 7; say"):
        list(read(path))


def test_stated_counts_are_held_against_dies_not_runs(tmp_path: Path) -> None:
    for parts, good, word in ((5, 1, None), (6, 2, None), (5, 4, "4 passing"), (9, 1, "9 parts")):
        tester = Records().mir("L").wcr().wir("1").results(L[0], *L).wrr(parts, good).end()
        (tmp_path / "w.stdf").write_bytes(tester.data)
        [found] = read(tmp_path / "w.stdf")
        assert found.dies.tolist() == L_DIES
        assert (word or "") in (found.warning or "")
        assert (word is None) is (found.warning is None)


GOOD = wafer(*L).end().data
NO_WIR = Records().mir("L").results(*L)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (GOOD[:-1], "the record at byte .* ends 1 byte behind the file; copy it again"),
        (GOOD[:-6], "ends 2 bytes behind the file"),
        (wafer(*L).wir("2").results(*L).data, "ends within this wafer"),
        (GOOD[:5] + b"\3" + GOOD[6:], "STDF V3, only V4 is read; convert it"),
        (b"FAR:A|4|2|U\nMIR:A3|80386\n", "ATDF, the text form of STDF, which is not read"),
        (Records().mir("L").prr(-32768, -32768, PASS).end().data, "1 results without a position"),
        (Records().mir("L").wir("1").wrr().end().data, "0 results without a position"),
        (Records().add(1, 10, "16s", bytes(16)).data[:-1] + b"\xff", "ends within a text"),
        (NO_WIR.results(L[0]).end().data, "1 results have a position of another"),
        (wafer((0, 0, PASS), (32767, 0, PASS)).end().data, "at most 4096 a side"),
    ],
)
def test_a_bad_file_is_refused_with_a_word(data: bytes, word: str) -> None:
    with pytest.raises(InputError, match=word):
        maps(data)


@pytest.mark.parametrize(("cut", "wafer_id"), [(-1, ""), (-60, "2")])
def test_a_file_that_is_cut_off_says_of_which_lot_and_wafer_it_is(cut: int, wafer_id: str) -> None:
    data = Records().mir("L-1").wir("1").results(*L).wrr().wir("2").results(*L).wrr().end().data
    with pytest.raises(InputError, match="behind the file") as caught:
        maps(data[:cut])
    assert (caught.value.lot, caught.value.wafer) == ("L-1", wafer_id)


def test_what_is_odd_but_clear_is_read_with_a_warning() -> None:
    no_wir = Records().mir("L").results(*L, (0, 0, PASS | 2)).end()
    again = Records().mir("L").wir("1").results(*L).wir("2").results(*L).end()
    for tester, word in ((no_wir, "taken for one"), (wafer(*L), "no MRR"), (again, "no WRR")):
        for fab in maps(tester):
            assert word in " ".join(fab.warnings)
            assert fab.codes.shape == (4, 3)


def test_where_no_wir_begins_a_wafer_its_wrr_ends_it() -> None:
    tester = Records().mir("L-1").results(*L)
    for wafer_id in ("A", "B"):
        values = (1, 255, 0, 5, 0, 0, 1, 0)
        tester.add(2, 20, "BBI5I", *values, wafer_id).add(2, 20, "BBI5I", *values, "again")
        tester.results(*L)
    with pytest.raises(InputError, match="no wafer begins"):
        maps(Records().mir("L").results(*L, *L).end())
    one, other = maps(tester.wcr().end())
    assert (one.wafer, other.wafer, other.index, one.lot) == ("A", "B", 1, "L-1")
    assert one.warnings == other.warnings
    assert one.warnings[0] == "no WIR begins this wafer"
    assert "5 results of the file stand outside of every wafer" in one.warnings[1]
    assert (one.codes.shape, one.orientation) == ((4, 3), "Down")


def test_a_wafer_that_begins_twice_is_two_and_says_so() -> None:
    tester = wafer(*L).wir("01").results(*L).wrr().wir("02").results(*L).wrr().end()
    warned = ["several times" in " ".join(fab.warnings) for fab in maps(tester)]
    assert warned == [True, True, False]


def test_records_of_all_heads_are_of_the_only_wafer() -> None:
    tester = Records().mir("L").wir("1").prr(0, 0, PASS, head=255).wrr(1, 1, head=255)
    [fab] = maps(tester.end())
    assert (fab.meanings().tolist(), fab.stated.passed) == ([["pass"]], 1)
    with pytest.raises(InputError, match=r"1 results of the file .* or are of another head"):
        maps(Records().mir("L").wir("1").prr(0, 0, PASS, head=2).wrr().end())


def test_results_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdf, "MAX_RESULTS", 4)
    with pytest.raises(InputError, match="more than 4 results"):
        maps(wafer(*L).end())
    monkeypatch.setattr(stdf, "MAX_WAFERS", 1)
    with pytest.raises(InputError, match="more than 1 wafers"):
        maps(wafer().wir("2").end())


def test_numbers_of_a_vax_are_no_size() -> None:
    [fab] = maps(Records(cpu=0).mir("L").wcr().wir("1").results(*L).wrr().end())
    assert (fab.pitch, fab.codes.shape) == (None, (4, 3))


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), max_size=8)
CODES = st.lists(
    st.tuples(st.text("0123456789ABZ", min_size=1, max_size=5), st.sampled_from(list(Meaning))),
    min_size=1, max_size=6, unique_by=lambda code: code[0],
)  # fmt: skip


def written(*fabs: FabMap) -> bytes:
    file = BytesIO()
    stdf.write(fabs, file)
    return file.getvalue()


@settings(deadline=None)
@given(data=st.data(), codes=CODES, lot=TEXT, wafer=TEXT, pitch=st.floats(1, 1e6))
def test_what_is_written_reads_back_the_same(
    data: st.DataObject, codes: list[tuple[str, Meaning]], lot: str, wafer: str, pitch: float
) -> None:
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    cells = data.draw(st.lists(st.integers(-1, len(codes) - 1), min_size=25, max_size=25))
    grid = np.array(cells[: shape[0] * shape[1]], np.int16).reshape(shape)
    word = data.draw(st.sampled_from(["", "Left", "U"]))
    fab = FabMap(grid, tuple(Code(*code) for code in codes), lot=lot, wafer=wafer,
                 pitch=(round(pitch, 3), 2000.0), orientation=word)  # fmt: skip
    verdicts = np.isin(fab.meanings(), ["pass", "fail", "unknown"])
    if not verdicts.any():
        with pytest.raises(UsageError, match="without dies"):
            written(fab)
        return
    [once] = maps(written(fab))
    rows, columns = np.nonzero(verdicts)
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert (np.where(verdicts, fab.meanings(), "null")[box] == once.meanings()).all()
    assert (once.lot, once.wafer, once.orientation) == (lot, wafer, word)
    assert once.pitch == pytest.approx(fab.pitch, rel=1e-6)
    assert maps(written(once, once)) == [once, once]


def test_wafers_of_different_lots_are_no_file() -> None:
    [one] = maps(GOOD)
    [other] = maps(GOOD.replace(b"L-1", b"L-2"))
    with pytest.raises(UsageError, match="write a file a wafer"):
        written(one, other)


@pytest.mark.parametrize("order", ["<", ">"])
def test_another_reader_sees_the_same(order: str, tmp_path: Path) -> None:
    convert = pytest.importorskip("stdf_convert", reason="stdf-convert is not installed")
    tester = wafer(*L, (0, 0, PASS), (-5, 2, FAIL), (4, -7, SILENT), order=order).end()
    for number, data in enumerate((tester.data, written(*maps(tester)))):
        path = tmp_path / f"{number}.stdf"
        path.write_bytes(data)
        tables = convert.tables(path, ["PRR", "MIR", "WIR", "WRR"])
        dies = {}
        for row in tables["PRR"].to_pylist():
            flags = row["PART_FLG"][0]
            letter = "unknown" if flags & SILENT else ("pass", "fail")[flags // FAIL]
            dies[row["X_COORD"], row["Y_COORD"]] = str(row["HARD_BIN"]), letter
        [fab] = maps(data)
        left, top = min(x for x, _ in dies), max(y for _, y in dies)
        for (x, y), seen in dies.items():
            place = top - y, x - left
            assert (fab.texts()[place], fab.meanings()[place]) == seen
        assert np.count_nonzero(fab.codes >= 0) == len(dies)
        assert tables["MIR"].to_pylist()[0]["LOT_ID"] == fab.lot
        assert tables["WIR"].to_pylist()[0]["WAFER_ID"] == fab.wafer
