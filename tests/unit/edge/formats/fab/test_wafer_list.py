"""Tables with a line a wafer are told as what they are, whoever says what passes."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from edge.errors import InputError, InputKind
from edge.formats.fab.rules import NO_RULES, rules_of
from edge.formats.fab.wafer_list import names_of
from edge.formats.paths import expand
from edge.formats.reading import read


@pytest.mark.parametrize(
    "text",
    [
        "wafer,good,bad\n1,300,41\n2,310,31\n",
        "\ufeffLot;Wafer;Yield\nL;1;0.9\nL;2;0.8\n",
        "Serial No\tbin\nA1\t1\nA2\t1\n",
        "bin,name,count\n1,good,310\n2,open,31\n",
    ],
)
def test_counts_a_wafer_are_no_map_and_passed_over_in_folders(text: str, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(text)
    (tmp_path / "w.csv").write_text("0,1,0\n1,2,1\n")
    (tmp_path / "damaged.csv").write_text("wafer,bin\n1,1\n1,2\n")
    assert [Path(str(name)).name for name in expand([tmp_path])] == ["damaged.csv", "w.csv"]
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(path, "counts.csv")
        archive.write(tmp_path / "w.csv", "w.csv")
    assert [item.source[-6:] for item in read(tmp_path / "all.zip")] == ["!w.csv"]
    for rules in (NO_RULES, rules_of(["1"])):
        with pytest.raises(InputError, match="a table with a line a wafer") as caught:
            list(read(path, rules))
        assert caught.value.kind is InputKind.NOT_A_MAP


@pytest.mark.parametrize(
    "text",
    [
        "wafer,x,y,bin\n1,1,1,7\n",  # a map, if a small one
        "wafer,px,py,hb\n1,1,1,7\n1,1,2,7\n",  # dies whose places nobody knows by name
        "wafer,1,2\n0,1,1\n",
        "serial,px,py,bin\n1,1,1,7\n2,1,2,7\n",
        "0,1,2\n",
        "wafer,good\n",
        "",
    ],
)
def test_what_may_be_dies_is_none(text: str) -> None:
    assert names_of(text.encode()) == []
