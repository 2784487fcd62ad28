"""Text grids."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import InputError, InputKind
from edge.formats import read
from edge.wafermap import MAX_SIDE, WaferMap


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


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("0,1\n1,2,1\n", InputKind.BAD_VALUE, "line 2 has 3 columns"),
        ("0,1\n1,3\n", InputKind.BAD_VALUE, "'3' at line 2, column 2"),
        ("0,1\n1,x\n", InputKind.BAD_VALUE, "'x' at line 2, column 2"),
        ("0,1\nnan,1\n", InputKind.BAD_VALUE, "'nan' at line 2, column 1"),
        ("0,1\n1,\n", InputKind.BAD_VALUE, "an empty cell at line 2, column 2"),
        ("0,1\n\n1,2\n", InputKind.BAD_VALUE, "line 2 is empty"),
        ("x,y,bin\n1,2,1\n", InputKind.BAD_VALUE, "holds no numbers"),
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
