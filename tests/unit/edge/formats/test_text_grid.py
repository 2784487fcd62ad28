"""Text grids."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from edge.errors import InputError, InputKind
from edge.formats.reading import read
from edge.wafer.wafermap import MAX_SIDE, WaferMap


@pytest.mark.parametrize(
    "text",
    [
        "0,1,0\n1,2,1\n",
        "0;1;0\r\n1;2;1\r\n",
        "0\t1\t0\n1\t2\t1",
        "0 1  0\n 1 2 1 \n",
        "\ufeff0, 1, 0\n1, 2, 1\n\n\n",
        '"0","1","0"\n"1","2","1"\n',
        "0.0,1.0,0\n1,2.000000000000000000e+00,1\n",
    ],
)
def test_ways_to_write_a_grid(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(text.encode())
    (item,) = read(path)
    assert isinstance(item, WaferMap)
    assert item.dies.tolist() == [[0, 1, 0], [1, 2, 1]]


DIES = [[0, 0, 1, 0, 0], [0, 1, 2, 1, 0], [1, 1, 1, 2, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]]


def lines(separator: str = ",", end: str = "\n", *, index: bool = False) -> str:
    """The grid as text."""
    rows = [[row, *states] if index else states for row, states in enumerate(DIES)]
    return "".join(separator.join(map(str, row)) + end for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        ",0,1,2,3,4\n" + lines(index=True),  # pandas
        "0,1,2,3,4\n" + lines(),  # without its index
        lines().replace("0", "").replace("1", "1.0"),  # missing where no die is
        "# lot 1\n#\n" + lines(" ") + "# end\n",  # NumPy
        lines(end=",\n"),
        lines(end="\r"),
        lines(end="\r\n"),
        "sep=;\r\n" + lines(";", "\r\n"),  # Excel
        '"sep=|"\n' + lines("|"),
        "\n\n" + lines("\t") + "\n\n",
    ],
)
def test_what_programs_write_around_a_grid(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(text.encode())
    (item,) = read(path)
    assert isinstance(item, WaferMap)
    assert item.dies.tolist() == DIES


def test_line_ends_across_pieces(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    for blanks in range(17):  # CR and LF come to stand in different pieces
        path.write_bytes(b" " * blanks + b"1, 1,  1,    1\r\n" * MAX_SIDE)
        (item,) = read(path)
        assert isinstance(item, WaferMap)
        assert item.dies.shape == (MAX_SIDE, 4)


def test_lone_returns_take_no_time_that_grows_with_their_square(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(b"1,2" + b"\r" * 300_000)
    start = perf_counter()
    with pytest.raises(InputError, match="more than 16384 lines"):
        list(read(path))
    assert perf_counter() - start < 1


def test_a_blank_that_ends_no_line_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("\u2028")
    with pytest.raises(InputError) as raised:
        list(read(path))
    assert raised.value.kind is not InputKind.UNREADABLE


def test_a_named_text_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.txt"
    path.write_text(lines(" "))
    (item,) = read(path)
    assert isinstance(item, WaferMap)
    assert item.dies.tolist() == DIES


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        ("root:$6$salt$hash:19000:0:99999:7:::\n", "$6$"),
        ("hunter2;x\n", "hunter2"),
        ("12345 hunter2\n", "hunter2"),
        ("1\nhunter2\n", "hunter2"),
        ("0,1,1\nhunter2-is-the-password,1,1\n", "hunter2"),
        ("0,1,1\nhunter2,x,1\n", "hunter2"),
    ],
)
def test_what_is_no_grid_is_not_quoted(tmp_path: Path, content: str, secret: str) -> None:
    path = tmp_path / "w.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("0,1\n1,2,1\n", InputKind.BAD_VALUE, "line 2 has 3 columns"),
        ("0,1\n1,3\n", InputKind.BAD_VALUE, "'3' at line 2, column 2"),
        ("0,1\n1,x\n", InputKind.BAD_VALUE, "'x' at line 2, column 2"),
        ("0,1\nnan,1\n", InputKind.BAD_VALUE, "'nan' at line 2, column 1"),
        ("0,1,1\n1,,1\n", InputKind.BAD_VALUE, "an empty cell at line 2, column 2"),
        ("0,1\n\n1,2\n", InputKind.BAD_VALUE, "line 2 is empty"),
        ("x,y,value\n1,2,0.5\n", InputKind.BAD_VALUE, "a list of dies by x and y"),
        ("0,1,2\n0,1,1\n0,2,1\n", InputKind.AMBIGUOUS, "header of column numbers"),
        (",0,1,2,3\n0,0,1,1,0\n5,1,2,1,1\n", InputKind.BAD_VALUE, "does not begin with 1"),
        ("1,2,3,4\n0,1,1,0\n", InputKind.BAD_VALUE, "if this is a header"),
        ("1,2,7,1\n0,1,1,0\n", InputKind.BAD_VALUE, "which pass (--pass-bins, or a recipe"),
        ("1,1\n# lot 2\n1,1\n", InputKind.BAD_VALUE, "line 2 is a comment"),
        ("1,1\n1,0.5\n", InputKind.BAD_VALUE, "2 * grid"),
        ("1,1\n1,-1\n", InputKind.BAD_VALUE, "grid + 1"),
        ("1,1\n1,128\n", InputKind.BAD_VALUE, "grid > 200"),
        ("\n" * 20_000, InputKind.TOO_LARGE, "lines"),
        ("0,0\n0,0\n", InputKind.NO_DIES, "no die"),
        ("\n \n", InputKind.EMPTY, "blank"),
        ("1," * MAX_SIDE + "1", InputKind.TOO_LARGE, "at most"),
        ("1\n" * (MAX_SIDE + 1), InputKind.TOO_LARGE, "at most"),
        ("1" * 100_000, InputKind.TOO_LARGE, "line 1 is longer"),
        ("0,1\n\udcff,1", InputKind.UNREADABLE, "line 2 is not text"),
        ("\udcff\udcfe0\0", InputKind.UNREADABLE, "UTF-16"),
    ],
)
def test_refused(tmp_path: Path, text: str, kind: InputKind, reason: str) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert caught.value.kind is kind
    assert reason in caught.value.reason
    assert caught.value.source == str(path)
