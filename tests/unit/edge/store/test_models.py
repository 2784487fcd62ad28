"""The model files of a store: each once, with the patterns that it tells apart."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edge.cli.main import cli
from edge.errors import ModelError, OutputError, UsageError
from edge.sinks.settings import StoreSettings
from edge.store.models import ModelNote
from edge.store.names import Cursor
from edge.store.reader import StoreReader
from edge.store.store import Store
from edge.wafer.patterns import WM811K, PatternSet
from tests.support.records import result

OWN = PatternSet(
    ("Kratzer, lang", '"quoted"', "源", "p_none"),
    "p_none",
    {"scratch": "Kratzer, lang"},
    {"源": "worn chuck; see 'procedure 7'"},
)
FIRST, LATER = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
NOTES = [
    ModelNote("ab" * 32, "own@abababababab", "own;\n1.tflite", "cd" * 32, OWN, FIRST, FIRST),
    ModelNote("ef" * 32, "wm811k@efefefefefef", "w.tflite", "01" * 32, WM811K, LATER, LATER),
]


def models(path: Path) -> list[ModelNote]:
    with closing(StoreReader(path)) as reader:
        return reader.models()


def test_each_model_file_is_kept_once_with_its_patterns(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    for note in (*NOTES, replace(NOTES[0], file="moved.tflite", first_at=LATER, last_at=LATER)):
        with closing(Store(path)) as store:
            store.begin_with(note)
    assert models(path) == [replace(NOTES[0], file="moved.tflite", last_at=LATER), NOTES[1]]
    with closing(sqlite3.connect(path)) as found:
        query = "SELECT value FROM models, json_each(models.patterns) WHERE sha256 = ? ORDER BY key"
        names = found.execute(query, ("ab" * 32,)).fetchall()
    assert [name for (name,) in names] == list(OWN)


def test_a_model_file_that_cannot_be_kept_now_comes_with_the_first_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.sqlite"
    with closing(Store(path)) as store:
        with monkeypatch.context() as patched:

            def full(*_: object) -> None:
                raise OutputError("disk full")

            patched.setattr("edge.store.models.note", full)
            store.begin_with(NOTES[0])
        assert models(path) == []
        store.add([result(1)])
        assert models(path) == NOTES[:1]


def test_a_second_store_has_them_too(tmp_path: Path) -> None:
    with closing(StoreSettings(tmp_path / "copy.sqlite").make("st-7", NOTES[0])) as sink:
        sink.open(Cursor())
    assert models(tmp_path / "copy.sqlite") == NOTES[:1]


def test_a_store_of_before_is_read_without_them(tmp_path: Path) -> None:
    before = Path(__file__).parents[3] / "data" / "before" / "store-3.sql"
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as store:
        store.executescript(before.read_text("utf-8"))
    assert models(tmp_path / "s.sqlite") == []
    Store(tmp_path / "s.sqlite").close()
    assert models(tmp_path / "s.sqlite") == []


@pytest.mark.parametrize(
    "change",
    ["patterns = '[1, 2]'", "patterns = '{'", "none = 'Loc'", "hints = '3'", "aliases = x'ff'"],
)
def test_a_row_that_somebody_changed_is_refused_by_name(tmp_path: Path, change: str) -> None:
    path = tmp_path / "s.sqlite"
    with closing(Store(path)) as store:
        store.begin_with(NOTES[0])
    with closing(sqlite3.connect(path)) as changed, changed:
        changed.execute(f"UPDATE models SET {change}")  # noqa: S608
    with pytest.raises(UsageError, match=r"s.sqlite: table models, abab.* no pattern set .*delete"):
        models(path)


def test_info_tells_the_model_files_of_a_store(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"

    def info(*arguments: str) -> str:
        return CliRunner().invoke(cli, ["info", str(path), *arguments]).output

    with closing(Store(path)) as store:
        assert "holds no result yet" in info()
        store.begin_with(NOTES[0])
        store.add([result(1, model_sha256="ab" * 32, model="own@abababababab"), result(2)])
        text, told = info(), json.loads(info("--json"))
    assert "own@abababababab  (1 result)\n" in text
    assert 'patterns    Kratzer, lang, "quoted", 源, p_none (p_none means no pattern)\n' in text
    assert "points to   源: worn chuck" in text
    assert "m@0123  (1 result)\n            recorded by an earlier version" in text
    assert [one["results"] for one in told] == [1, 1]
    assert told[0]["patterns"] == list(OWN)


def test_info_says_of_a_file_that_cannot_be_read_what_it_says_of_every_model_file() -> None:
    unreadable = "/proc/self/mem"  # for root, too
    if not Path(unreadable).is_file():
        pytest.skip("needs /proc")
    refused = CliRunner().invoke(cli, ["info", unreadable]).exception
    assert isinstance(refused, ModelError)
    assert "cannot be read (Input/output error); check the name" in str(refused)


def test_what_json_says_of_one_is_whole() -> None:
    told = json.loads(json.dumps(NOTES[0].as_dict()))
    assert told["patterns"] == list(OWN)
    assert (told["none"], told["aliases"], told["hints"]) == (OWN.none, OWN.aliases, OWN.hints)
