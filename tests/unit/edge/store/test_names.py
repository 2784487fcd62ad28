"""An id is given once: a store that takes a new name keeps those of its old records."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from edge.store.names import NO_NAMES, StoreNames
from edge.store.reader import StoreReader
from edge.store.store import Store
from tests.support.records import result

NAMES = StoreNames(((1, "aa"), (5, "bb"), (9, "aa")))


def test_each_number_has_the_name_of_its_range() -> None:
    assert [NAMES.of(number) for number in (1, 4, 5, 8, 9, 99)] == [
        "aa-1", "aa-4", "bb-5", "bb-8", "aa-9", "aa-99",
    ]  # fmt: skip
    assert all(NAMES.number(NAMES.of(number)) == number for number in range(1, 20))


def test_what_another_store_numbered_is_none_of_ours() -> None:
    for identity in ("aa-5", "bb-4", "bb-9", "cc-1", "", "-", "5", "aa-", "aa-x", "aa-٣", "bb-05"):
        assert NAMES.number(identity) is None, identity
    assert NO_NAMES.number("aa-1") is None


def test_ids_of_old_records_stay_when_a_store_is_renamed(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "s.sqlite")) as store:
        old = store.name
        store.add([result(1), result(2), result(3)])
        store.rename(3)
        assert store.name != old
        added = store.add([result(4, source="in/other.png", source_sha256="x"), result(5)]).records
        with closing(StoreReader(store.path)) as reader:
            found = [record["id"] for record in reader.after(0, 10)]
    assert found == [f"{old}-1", f"{old}-2", *(f"{store.name}-{n}" for n in (3, 4, 5))]
    assert [record["id"] for record in added] == found[3:]


def test_a_record_that_stood_under_another_name_is_followed_to_its_new_id(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "s.sqlite")) as store:
        old = store.name
        for number, name in enumerate("abcd"):
            same = 1 if number < 2 else 2
            record = result(same, source=f"/in/{name}", file=name)
            store.add([record])
        store.rename(3)
        with closing(StoreReader(store.path)) as reader:
            found = [record["same_as"] for record in reader.after(0, 10)]
    assert found == [None, f"{old}-1", None, f"{store.name}-3"]
