"""A station's configuration file: read into settings, or refused with what is wrong where."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from edge.errors import ModelError, UsageError
from edge.model.runtime import Kernels
from edge.model.wheels import Backend
from edge.sinks.append_file import Fsync
from edge.sinks.settings import (
    AlarmSettings,
    CsvSettings,
    JsonLinesSettings,
    MqttSettings,
    SinkSettings,
    StoreSettings,
)
from edge.station.config import read
from edge.station.config_check import examine
from edge.station.folder_settings import Done, FolderSettings
from edge.station.settings import (
    CameraSettings,
    ModelSettings,
    PatternsSettings,
    ReviewSettings,
    Settings,
    StationSettings,
    camera_names,
    listen_on,
)
from edge.store.store import Store
from edge.system.shipped import shipped_path
from edge.system.typed import MismatchError, decode
from edge.system.typed_schema import schema

FULL = """
[station]
name = "line 3"
store = "data/station.sqlite"
metrics = "0.0.0.0:9105"

[model]
file = "m.tflite"
backend = "litert"
kernels = "reference"
average_symmetries = true

[review]
costs = [100, 5.5, 1]
unfamiliar_above = 4
mixed_above = 0.25
[review.below]
all = 0.9
Edge-Ring = 0.5
none = 1

[patterns]
folder = "patterns"

[[folder]]
paths = ["in", "~/more"]
recursive = false
globs = ["lot*/w*.png"]
name_pattern = "{lot}/{wafer}.*"
name_sample = "A123/07.png"
polling = true
poll_interval = 2
done = "move"
done_dir = "done"
quarantine = "/bad"
stable_polls = 5
stable_interval = 1.5
bad_after = 10

[[folder]]
paths = ["other"]

[[camera]]
source = "rtsp://camera/1"
name = "prober 3"
username = "user"
password_file = "password"
recipe = "screen.toml"
stable = 4
patience = 20
complete_after = 30

[[sink]]
kind = "jsonl"
file = "out.jsonl"
fsync = "never"
[[sink]]
kind = "csv"
file = "/out.csv"
[[sink]]
kind = "store"
file = "copy.sqlite"
[[sink]]
kind = "mqtt"
url = "mqtts://broker/fab/line3"
"""

LEAST = "[station]\nstore = 's.sqlite'\n[[folder]]\npaths = ['in']\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "station.toml"
    path.write_text(text, "utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(written(folder, text))
    message = str(caught.value)
    assert message.startswith(f"{folder}/station.toml: line ")
    return message.removeprefix(f"{folder}/station.toml: ")


def test_a_full_file_is_read_as_it_was_meant(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "m.tflite").write_bytes(shipped_path().read_bytes())
    screen, password = tmp_path / "screen.toml", tmp_path / "password"
    camera = CameraSettings("rtsp://camera/1", screen, 4, 20.0, 30.0, "prober 3", "user", password)
    found = read(written(tmp_path, FULL))
    assert found == Settings(
        station=StationSettings(
            store=tmp_path / "data" / "station.sqlite", name="line 3", metrics="0.0.0.0:9105"
        ),
        model=ModelSettings(
            file=tmp_path / "m.tflite",
            backend=Backend("litert"),
            kernels=Kernels("reference"),
            average_symmetries=True,
        ),
        review=ReviewSettings((100, 5.5, 1), 4, 0.25, {"all": 0.9, "Edge-Ring": 0.5, "none": 1}),
        patterns=PatternsSettings(tmp_path / "patterns"),
        folders=(
            FolderSettings(
                paths=(tmp_path / "in", Path("~/more").expanduser()),
                recursive=False,
                globs=("lot*/w*.png",),
                name_pattern="{lot}/{wafer}.*",
                name_sample="A123/07.png",
                polls=True,
                poll_interval=2.0,
                done=Done.MOVE,
                done_dir=tmp_path / "done",
                quarantine=Path("/bad"),
                stable_polls=5,
                stable_interval=1.5,
                bad_after=10,
            ),
            FolderSettings((tmp_path / "other",)),
        ),
        cameras=(camera,),
        sinks=(
            JsonLinesSettings(tmp_path / "out.jsonl", Fsync.NEVER),
            CsvSettings(Path("/out.csv")),
            StoreSettings(tmp_path / "copy.sqlite"),
            MqttSettings("mqtts://broker/fab/line3"),
        ),
    )


def test_what_is_left_out_has_the_same_defaults_as_the_options(tmp_path: Path) -> None:
    assert read(written(tmp_path, LEAST)) == Settings(
        StationSettings(tmp_path / "s.sqlite", socket.gethostname()),
        folders=(FolderSettings((tmp_path / "in",)),),
    )


@pytest.mark.parametrize(
    ("metrics", "wanted"),
    [("9105", ("127.0.0.1", 9105)), ("'[::1]:9105'", ("::1", 9105)), ("'h:0'", ("h", 0))],
)
def test_where_metrics_are_listened_for(
    tmp_path: Path, metrics: str, wanted: tuple[str, int]
) -> None:
    text = LEAST.replace("[station]", f"[station]\nmetrics = {metrics}")
    given = read(written(tmp_path, text)).station.metrics
    assert listen_on(given) == wanted


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("[station]\nnmae = 'x'\nstore = 's'", "line 2: [station] nmae is not known"),
        (
            "[station]\nname = 'x'",
            "line 1: [station] store is missing; must be a path: ",
        ),
        ("[station]\nstore = 5", "line 2: [station] store is 5, must be a path"),
        ("[station]\nstore = 's'\nmetrics = 'here'", "line 3: [station] metrics is 'here', must"),
        ("[station]\nstore = 's'\nmetrics = 70000", "line 3: [station] metrics is 70000, must"),
        ("[station]\nstore = 's'\nmetrics = true", "line 3: [station] metrics is True, must"),
    ],
)
def test_mistakes_in_the_station(tmp_path: Path, wrong: str, message: str) -> None:
    assert refusal(tmp_path, f"{wrong}\n[[folder]]\npaths = ['in']\n").startswith(message)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "[[folder]]",
            "line 5: [folder] paths is missing; must be a list of at least 1",
        ),
        ("[[folder]]\npaths = 'in'", "line 6: [folder] paths is 'in', must be a list"),
        (
            "[[folder]]\npaths=['a']\nstable_polls=1",
            "line 7: [folder] stable_polls is 1, must be",
        ),
        (
            "[[folder]]\npaths=['a']\ndone='burn'",
            "line 7: [folder] done is 'burn', must be one of:",
        ),
        (
            "[[folder]]\npaths=['a']\nname_pattern='{lot}{wafer}'",
            "line 7: [folder] name_pattern is '{lot}{wafer}': position 6: {wafer} follows {lot}",
        ),
        (
            "[[folder]]\npaths=['a']\nname_pattern='{lot}_{wafer}'\nname_sample='A-7.png'",
            "line 8: [folder] name_sample is 'A-7.png', which does not fit {lot}_{wafer}",
        ),
        (
            "[[folder]]\npaths=['a']\ndone='keep'\ndone_dir='d'",
            'line 8: [folder] done_dir says nothing without done = "move"',
        ),
        ("[[folder]]\npaths=['a']\nname_sample='A'", "line 7: [folder] name_sample says nothing"),
        ("[[camera]]", "line 5: [camera] source is missing"),
        (
            "[[camera]]\nsource='rtsp://'",
            "line 6: [camera] source is refused: rtsp://: names no host; write rtsp://host",
        ),
        (
            "[[camera]]\nsource='0'\nstable='x'",
            "line 7: [camera] stable is 'x', must be a whole",
        ),
        ("[[sink]]\nfile='f'", "line 5: [sink] kind is missing; must be one of: store, jsonl"),
        ("[[sink]]\nkind='jsonl'", "line 5: [sink] file is missing; must be a path"),
        ("[[sink]]\nkind='mqtt'", "line 5: [sink] url is missing; must be a text"),
        (
            "[[sink]]\nkind='mqtt'\nfile='f'",
            "line 7: [sink] file is not known here",
        ),
        ("[[sink]]\nkind='csv'\nfile='f'\nurl='u'", "line 8: [sink] url is not known"),
        ("[[sink]]\nkind='store'\nfile='f'\nfsync='never'", "line 8: [sink] fsync is not known"),
        ("[model]\nbackend='onnx'", "line 6: [model] backend is 'onnx', must be one of: litert"),
        (
            "[review]\nmixed_above=2",
            "line 6: [review] mixed_above is 2, must be a number",
        ),
        ("[review]\nbelow=0.5", "line 6: [review] below is 0.5, must be a table: [review.below]"),
        ("[review]\ncosts=[1, 2]", "line 6: [review] costs is [1, 2], must be [escape,"),
        ("[review]\ncosts=[1, 2, -3]", "line 6: [review] costs is [1, 2, -3], must be"),
        ("[review]\ncosts=[1, 2, nan]", "line 6: [review] costs is [1, 2, nan], must be"),
        ("[review]\ncosts='123'", "line 6: [review] costs is '123', must be [escape,"),
        (
            "[review.below]\nLoc=1.5",
            "line 6: [review.below] Loc is 1.5, must be a number",
        ),
        (
            "[review.below]\nring=0.5",
            "line 6: [review.below] ring is not known here; ",
        ),
        ("[sinks]", "line 5: sinks is not known here; did you mean sink?"),
        (
            "[[folder]]\n# where\npathes=['a']",
            "line 7: [folder] pathes is not known here; did you mean paths?",
        ),
        ("[[sink]]\nkimd='csv'", "line 6: [sink] kimd is not known here; did you mean kind?"),
        ("[[folder]]\npaths=['a']\nquarantine='a'", "line 7: [folder] quarantine is refused: "),
        (
            "[[folder]]\npaths=['a']\ndone='move'\ndone_dir='a'",
            "line 8: [folder] done_dir is refused: ",
        ),
        ("[[folder]]\npaths=['station.toml']", "line 6: [folder] paths is refused: "),
        ("[sink]\nkind='csv'", "line 5: sink must be a list of tables, written as [[sink]]"),
        ("[[folder]]\npaths=['a']\nstable_polls=2.5", "line 7: [folder] stable_polls is 2.5, must"),
    ],
)
def test_mistakes_elsewhere(tmp_path: Path, wrong: str, message: str) -> None:
    assert refusal(tmp_path, f"{LEAST}{wrong}\n").startswith(message)


def test_check_shows_what_lot_and_wafer_come_out(tmp_path: Path) -> None:
    text = f"{LEAST}name_pattern = '{{lot}}_{{wafer}}'\n"
    folder = tmp_path / "in"
    folder.mkdir()
    assert any("no file to try the name pattern on" in line for line in examined(tmp_path, text))
    sample = f"{text}name_sample = 'A123_07.png'\n"
    assert "         A123_07.png: lot A123, wafer 07" in examined(tmp_path, sample)
    (folder / "odd.csv").touch()
    with pytest.raises(UsageError, match=r"odd\.csv: does not fit the name pattern"):
        examined(tmp_path, text)
    (folder / "L_1_5.csv").touch()
    lines = examined(tmp_path, text)
    assert f"         {folder}/L_1_5.csv: lot L_1, wafer 5" in lines
    assert f"         {folder}/odd.csv: does not fit (1 of 2 files do)" in lines


def test_a_folder_of_recipes_may_be_empty_and_is_none_where_it_is_missing(tmp_path: Path) -> None:
    """The last recipe may go while a station runs; it is to start again."""
    text = f"{LEAST}recipes = 'r'\npass_bins = ['1']\n"
    with pytest.raises(UsageError, match="r: no folder of recipes"):
        examined(tmp_path, text)
    (tmp_path / "r").mkdir()
    assert f"recipes  {tmp_path / 'r'}: none yet" in examined(tmp_path, text)
    (folder,) = read(written(tmp_path, text)).folders
    assert folder.rules().pass_bins == ("1",)
    (tmp_path / "r" / "p8.toml").write_text("pass_bins = ['01']\n[match]\nformat = 'SINF'\n")
    assert f"recipes  {tmp_path / 'r'}: p8" in examined(tmp_path, text)


def examined(folder: Path, text: str) -> list[str]:
    return list(examine(read(written(folder, text))))


def test_a_station_needs_a_source(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[station]\nstore = 's'\n")
    assert "a station needs a [[folder]] or a [[camera]]" in message
    message = refusal(tmp_path, "[station]\nstore = 's'\n[[folders]]\npaths = ['in']\n")
    assert message == "line 3: folders is not known here; did you mean folder?"


def test_a_model_file_that_ships_is_named(tmp_path: Path) -> None:
    named = read(written(tmp_path, f"{LEAST}[model]\nfile = 'wm811k'\n"))
    assert named.model.file == shipped_path()
    (tmp_path / "wm811k").touch()
    mine = read(written(tmp_path, f"{LEAST}[model]\nfile = './wm811k'\n"))
    assert mine.model.file == tmp_path / "wm811k"
    with pytest.raises(ModelError, match=r"file is .*wm811k-x.*one that ships: wm811k"):
        read(written(tmp_path, f"{LEAST}[model]\nfile = 'wm811k-x'\n"))


def test_what_a_file_names_and_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"line 6: \[model\] file is .*: there is no such file"):
        read(written(tmp_path, f"{LEAST}[model]\nfile = 'no.tflite'\n"))
    for what, text in {
        "[station] store: no/s.sqlite: there is no folder no; make": LEAST.replace("s.", "no/s."),
        "[[sink]] file: no/r.csv: there is no": f"{LEAST}[[sink]]\nkind='csv'\nfile='no/r.csv'\n",
        "[[camera]] recipe: r: cannot be read": f"{LEAST}[[camera]]\nsource='0'\nrecipe='r'",
    }.items():
        with pytest.raises(UsageError) as caught:
            examined(tmp_path, text)
        assert str(caught.value).replace(f"{tmp_path}/", "").startswith(what)


def test_check_opens_no_file_that_is_something_else(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE precious (a)")
    Store(tmp_path / "s.sqlite").close()
    (tmp_path / "in").mkdir()
    assert examined(tmp_path, LEAST)
    copy = f"{LEAST}[[sink]]\nkind='store'\nfile='station.toml'"
    for text in (LEAST.replace("s.", "other."), copy):
        with pytest.raises(UsageError, match="is something else than a store; choose another name"):
            examined(tmp_path, text)
    assert {path.name for path in tmp_path.iterdir()} == {
        "in", "other.sqlite", "s.sqlite", "s.sqlite.lock", "station.toml",
    }  # fmt: skip


def test_two_sinks_on_one_target_are_refused(tmp_path: Path) -> None:
    """Each would append every record, and both would be known to the store by one mark."""
    for name, sinks in {
        "out.jsonl": ["kind='jsonl'\nfile='out.jsonl'", "kind='jsonl'\nfile='./out.jsonl'"],
        "s.sqlite": ["kind='store'\nfile='s.sqlite'"],
        "mqtt://b: two sinks": ["kind='mqtt'\nurl='mqtt://b'"] * 2,
    }.items():
        text = LEAST + "".join(f"[[sink]]\n{sink}\n" for sink in sinks)
        with pytest.raises(UsageError, match=re.escape(name)):
            read(written(tmp_path, text))


CAMERAS = """[station]
store = 's.sqlite'
[[camera]]
source = "rtsp://me:geheim@cam/1/geheim"
[[camera]]
source = "rtsp://cam/2?geheim"
[[camera]]
source = "rtsp://cam/3"
name = "rtsp://cam (2)"
"""


def test_no_two_cameras_are_called_alike(tmp_path: Path) -> None:
    cameras = read(written(tmp_path, CAMERAS)).cameras
    assert camera_names(cameras) == ["rtsp://cam", "rtsp://cam (3)", "rtsp://cam (2)"]
    with pytest.raises(UsageError, match="the name of two cameras"):
        read(written(tmp_path, CAMERAS + "[[camera]]\nsource='0'\nname='rtsp://cam (2)'"))
    message = refusal(tmp_path, CAMERAS + "[[camera]]\nsource='0'\nname='a\tb'")
    assert message.startswith("line 12: [camera] name is ")


def test_no_message_shows_more_of_an_address_than_its_host(tmp_path: Path) -> None:
    sink = "[[sink]]\nkind='mqtt'\nurl='mqtt://b/geheim'\n"
    for text in (
        CAMERAS + "[[camera]]\nsource='RTSP://me:geheim@cam/1/geheim'",
        CAMERAS + "[[camera]]\nsource='ftp://cam/geheim'",
        CAMERAS + "[[camera]]\nsource='rtsp://cam/4'\npassword='geheim'",
        CAMERAS + "[[camera]]\nsource='rtsp://me:geheim@cam/4'\nusername='me'",
        CAMERAS + "[[camera]]\nsource=['rtsp://me:geheim@cam/4']",
        CAMERAS + sink * 2,
        f"camera = 'rtsp://me:geheim@cam'\n{LEAST}",
        f"camera = ['rtsp://me:geheim@cam']\n{LEAST}",
        f"sink = 'mqtt://me:geheim@b'\n{LEAST}",
        f"sink = ['mqtt://me:geheim@b']\n{LEAST}",
    ):
        with pytest.raises(UsageError) as caught:
            read(written(tmp_path, text))
        assert "geheim" not in str(caught.value)
    assert "geheim" not in repr(read(written(tmp_path, CAMERAS)))


def test_a_password_in_an_mqtt_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = f"{LEAST}[[sink]]\nkind = 'mqtt'\nurl = 'mqtt://me:geheim@broker/t'\n"
    wanted = r"line 7: \[sink\] url .*do not belong in the URL.*WM_EDGE_MQTT"
    with pytest.raises(UsageError, match=wanted) as caught:
        read(written(tmp_path, text))
    assert "geheim" not in str(caught.value)


def test_a_folder_in_a_watched_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in" / "lot").mkdir(parents=True)
    tops = (tmp_path / "in", tmp_path / "in" / "lot")
    station = StationSettings(tmp_path / "s")
    with pytest.raises(UsageError, match=r"in/lot: lies in .*/in, which is watched"):
        Settings(station, folders=(FolderSettings(tops),))
    Settings(station, folders=(FolderSettings(tops, recursive=False),))


def documented() -> Iterator[tuple[str, str, str]]:
    """Table, key and default of each row of the reference."""
    text = (Path(__file__).parents[4] / "docs" / "station-reference.md").read_text("utf-8")
    table = ""
    for row in text.partition("| table | key |")[2].partition("\n\n")[0].splitlines()[2:]:
        named, keys, defaults, _ = (cell.strip() for cell in row.strip("|").split(" | ", 3))
        table = named.strip("`[]") or table
        keys = re.findall("`([^`]+)`", keys)
        split = defaults.split(", ") if len(keys) > 1 else [defaults]
        for key, default in zip_longest(keys, split, fillvalue=split[-1]):
            yield table, key, default


def declared() -> Iterator[tuple[str, str, Any]]:
    """The same of each key of the settings."""
    kinds = [("station", StationSettings), ("model", ModelSettings), ("review", ReviewSettings)]
    kinds += [("patterns", PatternsSettings), ("alarms", AlarmSettings)]
    kinds += [("folder", FolderSettings), ("camera", CameraSettings)]
    kinds += [("sink", kind) for kind in get_args(SinkSettings)]
    for table, kind in kinds:
        for field in fields(kind):
            yield table, field.encode_name, "required" if field.required else field.default
    yield "sink", "kind", "required"
    yield "review.below", "all", None


def test_the_reference_has_every_key_with_its_default() -> None:
    wanted = {(table, key): default for table, key, default in declared()}
    del wanted["review", "below"]  # a table of its own
    found = {(table, key): default for table, key, default in documented()}
    assert found.keys() == wanted.keys()
    for place, default in wanted.items():
        said = found[place].strip('`"').removesuffix(" s").removesuffix('"')
        if default == "required" or (said == "required"):
            assert said == default, place
        elif isinstance(default, bool):
            assert said == str(default).lower(), place
        elif isinstance(default, (str, float, int)) and default != "":
            assert said in (str(default), f"{default:g}" if isinstance(default, float) else ""), (
                place
            )


def test_the_schema_knows_what_the_example_says() -> None:
    found = schema(Settings, "a station")["$defs"]
    folder = found["FolderSettings"]["properties"]
    assert folder["stable_polls"] == {
        "type": "integer",
        "minimum": 2,
        "maximum": 100,
        "default": 3,
        "description": "Looks that must find a file unchanged where nobody can tell who writes it.",
    }
    assert found["Done"]["enum"] == ["delete", "keep", "move"]
    for table in found.values():
        keys = {**table.get("properties", {}), "kind": {"description": ""}}
        assert all("description" in key for key in keys.values())
    assert "null" not in json.dumps(found)


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.dates()
PLAIN = st.recursive(
    LEAF | st.sampled_from(["move", "csv", "mqtt", "{lot}", "rtsp://a:b@c", "Loc"]),
    lambda one: st.lists(one, max_size=2) | st.dictionaries(st.text(max_size=3), one, max_size=2),
)


def tables(*kinds: type[Any]) -> st.SearchStrategy[Any]:
    keys = [field.encode_name for kind in kinds for field in fields(kind)]
    return st.dictionaries(st.sampled_from([*keys, "kind"]) | st.text(max_size=3), PLAIN) | PLAIN


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {"station": st.just({"store": "s"}) | tables(StationSettings)},
        optional={
            "model": tables(ModelSettings),
            "review": tables(ReviewSettings),
            "folder": st.lists(tables(FolderSettings), max_size=2),
            "camera": st.lists(tables(CameraSettings), max_size=2),
            "sink": st.lists(tables(*get_args(SinkSettings)), max_size=2),
        },
    )
)
def test_whatever_a_file_holds_is_settings_or_a_mistake_that_is_told(content: Any) -> None:
    with suppress(MismatchError, UsageError):
        assert isinstance(decode(Settings, content, {Path: Path}), Settings)
