"""All rows of a pickled table are wafer maps, labelled or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, InputError
from tests.support.pandas_pickle import Row, save
from train.importers.table_maps import is_table, maps_of


def test_all_rows_come_with_lot_and_wafer(tmp_path: Path, generated: LabelledSet) -> None:
    path = tmp_path / "LSWMD.pkl"
    rows = [
        Row(np.asfortranarray(generated.grid(0)), "Loc", "Training", "lot7", 3.0),
        Row(generated.grid(1), None, None, "lot8", 4.0),
        Row(np.zeros((4, 5), np.uint8), None, None, "lot8", 5.0),
        Row(generated.grid(2), "none", "Test", "lot9", 6.0),
    ]
    save(path, rows)
    assert is_table(str(path))
    found = list(maps_of(str(path)))
    assert isinstance(found[2], InputError)
    assert found[2].source.endswith("LSWMD.pkl[2]")
    wafers = [item for item in found if not isinstance(item, InputError)]
    for wafer, place in zip(wafers, (0, 1, 2), strict=True):
        assert np.array_equal(wafer.dies, generated.grid(place))
    assert [(each.lot, each.wafer, each.index) for each in wafers] == [
        ("lot7", "3", 0),
        ("lot8", "4", 1),
        ("lot9", "6", 3),
    ]


def test_what_is_no_table_of_maps_is_refused(tmp_path: Path, generated: LabelledSet) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.")
    assert is_table(str(path))
    with pytest.raises(DataError, match=r"names os\.system"):
        list(maps_of(str(path)))
    generated.save(tmp_path / "set.npz")
    assert not is_table(str(tmp_path / "set.npz"))
    assert not is_table(str(tmp_path))
