"""Names in the order in which people count, however many there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.system import name_list
from edge.system.name_list import NameList, natural

#: What a file system may hold: no NUL, and bytes that are no UTF-8 as half of a pair.
NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1)
    | st.just("w\udcff.png")
)


def test_people_count() -> None:
    assert sorted(["w10", "w2", "W1", "v"], key=natural) == ["v", "W1", "w2", "w10"]


@given(names=NAMES)
def test_a_list_in_runs_is_in_order(names: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(name_list, "_RUN", 3)
        found = NameList()
        for name in names:
            found.add(name)
        assert len(found) == len(names)
        assert list(found) == sorted(names, key=natural)
        assert list(found) == list(found), "it can be gone through again"
