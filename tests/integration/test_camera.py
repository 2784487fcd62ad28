"""``wm-edge camera``: a film of a tool's screen in, one record a wafer out."""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.frames import Image
from edge.screen.stable import digest_of
from edge.wafer.wafermap import DieGrid
from tests.support.cli import wm_edge
from tests.support.screens import Look, View, disc, draw, film
from tests.support.station import Running, rows, wafer_bytes, wait_for
from tests.support.video import Server, needs_ffmpeg, write

VIEW = View(keystone=(0.05, 0.0), rotation=2.0, blur=0.4, noise=2.0)
LOOK = Look(die_width=14, die_height=14, gap=2, title="PROBER 3")
WAFERS = [disc(24, 24, fails=share, seed=number) for number, share in enumerate((0.05, 0.2, 0.5))]
FRAMES = 6


def shown(dies: DieGrid | None, count: int = FRAMES) -> list[Image]:
    """What a camera sees of a screen; None for a tool that waits for the next wafer."""
    window = draw(WAFERS[0] if dies is None else dies, LOOK)
    if dies is None:
        window[40:] = 90
    return [film(window, VIEW, seed) for seed in range(count)]


def story() -> list[Image]:
    """Three wafers, the second of them twice with a pause in between: four in all."""
    first, second, third = WAFERS
    parts: list[DieGrid | None] = [None, first, second, None, second, third]
    return [frame for dies in parts for frame in shown(dies)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("film") / "screen.avi", story())


def expected() -> list[str]:
    first, second, third = WAFERS
    return [digest_of(dies) for dies in (first, second, second, third)]


def test_a_recording_gives_one_record_a_wafer_in_order(recording: Path, tmp_path: Path) -> None:
    lines = tmp_path / "wafers.jsonl"
    done = wm_edge("camera", recording, "--jsonl", lines, "--camera-name", "prober 3")
    assert done.code == 0, done.stderr
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [record["source_sha256"] for record in records] == expected()
    assert [record["fails"] for record in records] == [
        int((dies == 2).sum()) for dies in (WAFERS[0], WAFERS[1], WAFERS[1], WAFERS[2])
    ]
    assert {record["source"] for record in records} == {"prober 3"}
    assert records[1]["event"] != records[2]["event"]


def test_the_same_recording_twice_is_recorded_once(recording: Path, tmp_path: Path) -> None:
    store = tmp_path / "results.sqlite"
    for _ in range(2):
        assert wm_edge("camera", recording, "--store", store).code == 0
    assert [row["source_sha256"] for row in rows(store)] == expected()


def test_killed_in_the_middle_of_a_recording(recording: Path, tmp_path: Path) -> None:
    store = tmp_path / "results.sqlite"
    with Running(tmp_path, "camera", recording, "--store", store) as station:
        wait_for(lambda: rows(store), "a first record")
        station.kill()
        station.again()
        assert station.process.wait(60) == 0, station.said()
    assert [row["source_sha256"] for row in rows(store)] == expected()


@needs_ffmpeg
def test_a_live_camera_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    film_file = write(tmp_path / "loop.avi", [f for dies in WAFERS for f in shown(dies, 30)])
    store = tmp_path / "results.sqlite"
    with Server(film_file, keep=True) as camera:
        url = camera.url.replace("tcp://", "tcp://operator:geheim@")
        arguments = ("camera", url, "--store", store, "--patience", "1", "--metrics", "0")
        with Running(tmp_path, *arguments) as station:
            wait_for(lambda: len(rows(store)) >= 2, "two wafers")
            camera.stop()
            wait_for(lambda: "lost" in station.said() or "no frames" in station.said(), "a message")
            before = len(rows(store))
            camera.start()
            wait_for(lambda: len(rows(store)) >= before + 2, "more wafers after it came back")
            assert station.stop(signal.SIGINT) == 0, station.said()
            said = station.said()
    found = rows(store)
    assert {row["source_sha256"] for row in found} <= {digest_of(dies) for dies in WAFERS}
    following = [row["source_sha256"] for row in found]
    assert all(one != other for one, other in pairwise(following))
    assert "geheim" not in said
    assert "geheim" not in json.dumps(found)
    assert re.search(r"metrics: http://127\.0\.0\.1:\d+/metrics", said)


@needs_ffmpeg
def test_a_wafer_that_still_stands_there_after_a_restart_counts_once(tmp_path: Path) -> None:
    film_file = write(tmp_path / "still.avi", shown(WAFERS[1], 30))
    store = tmp_path / "results.sqlite"
    with (
        Server(film_file, keep=True) as camera,
        Running(tmp_path, "camera", camera.url, "--store", store) as station,
    ):
        wait_for(lambda: rows(store), "the wafer")
        station.kill()
        station.again()
        wait_for(lambda: "recorded last" in station.said(), "the wafer recognised")
        assert station.stop() == 0
    assert len(rows(store)) == 1


def test_what_shows_no_wafer_is_explained(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (10, 240, 320, 3), np.uint8)
    film_file = write(tmp_path / "noise.avi", list(noise))
    store = tmp_path / "results.sqlite"
    done = wm_edge("camera", film_file, "--store", store, "--quiet")
    assert done.code == 1
    assert "gave no wafer: 10 frames; refused: no-wafer 10" in done.stderr
    assert rows(store) == []
    done = wm_edge("camera", tmp_path / "missing.mp4", "--store", store)
    assert done.code == 2
    assert "missing.mp4" in done.stderr


def test_a_still_picture_gives_nothing_but_says_how_it_could(tmp_path: Path) -> None:
    picture = tmp_path / "screen.png"
    cv2.imwrite(str(picture), shown(WAFERS[0], 1)[0])
    store = tmp_path / "results.sqlite"
    done = wm_edge("camera", picture, "--store", store)
    assert done.code == 1
    assert "--stable 1" in done.stderr
    assert wm_edge("camera", picture, "--store", store, "--stable", "1").code == 0
    assert [row["source_sha256"] for row in rows(store)] == expected()[:1]


def test_what_a_recording_gives_again_with_other_settings(recording: Path, tmp_path: Path) -> None:
    """A wafer counts again where another frame settles it; what does not is told by its frame."""
    store = tmp_path / "s.sqlite"
    assert wm_edge("camera", recording, "--store", store).code == 0
    frames = [row["event"].split()[-1] for row in rows(store)]
    done = wm_edge("camera", recording, "--store", store, "--stable", "5")
    again = [row["event"].split()[-1] for row in rows(store)][len(frames) :]
    assert again
    assert not set(again) & set(frames)
    assert done.stderr.count("was recorded before") == len(frames) - len(again) == 1
    assert f"screen.avi, frame {frames[-1]}: its content was recorded before" in done.stderr


def test_a_recording_that_is_cut_off_is_said_once_and_not_all_done(
    recording: Path, tmp_path: Path
) -> None:
    content = recording.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(content[: len(content) * 3 // 4])
    done = wm_edge("camera", cut, "--store", tmp_path / "s.sqlite")
    assert done.stderr.count("cut off") == 1, done.stderr
    assert rows(tmp_path / "s.sqlite")
    assert done.code == 1


def test_one_recording_of_two_that_gave_nothing_is_not_all_done(
    recording: Path, tmp_path: Path
) -> None:
    write(tmp_path / "empty.avi", shown(None, 5))
    (tmp_path / "line.toml").write_text(
        f"[station]\nstore = 's.sqlite'\n[[camera]]\nsource = '{recording}'\n"
        f"[[camera]]\nsource = '{tmp_path / 'empty.avi'}'\n"
    )
    done = wm_edge("station", tmp_path / "line.toml", cwd=tmp_path)
    assert done.code == 1
    assert "empty.avi: gave no wafer" in done.stderr
    assert len(rows(tmp_path / "s.sqlite")) == len(expected())


def test_a_wafer_under_test_is_one_record(tmp_path: Path) -> None:
    """A die every half second, at two frames a second: by the film's clock, not by the wall's."""
    places = np.flatnonzero(WAFERS[0])
    steps = []
    for missing in range(8, -1, -1):
        dies = WAFERS[0].copy()
        dies.flat[places[len(places) - missing :]] = 0
        steps += shown(dies, 3)
    film_file = write(tmp_path / "test.avi", [*steps, *shown(WAFERS[0], 9), *shown(None, 3)], 2.0)
    store = tmp_path / "results.sqlite"
    assert wm_edge("camera", film_file, "--store", store).code == 0
    assert [row["source_sha256"] for row in rows(store)] == expected()[:1]
    done = wm_edge("camera", film_file, "--store", store, "--complete-after", "1")
    assert "went on growing after 1 s" in done.stderr


def test_a_source_that_fails_does_not_end_the_others(tmp_path: Path) -> None:
    (tmp_path / "wafers").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"no video at all" * 100)
    (tmp_path / "line.toml").write_text(
        '[station]\nstore = "r.sqlite"\nmetrics = 0\n[[camera]]\nsource = "broken.mp4"\n'
        '[[folder]]\npaths = ["wafers"]\n'
    )
    with Running(tmp_path, "station", "line.toml") as station:
        wait_for(lambda: "the other sources go on" in station.said(), "the camera's end")
        (tmp_path / "wafers" / "w.csv").write_bytes(wafer_bytes(1))
        wait_for(lambda: rows(tmp_path / "r.sqlite"), "a wafer from the folder")
        url = re.search(r"http://\S+(?=/metrics)", station.said())
        assert url
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"{url[0]}/healthz", timeout=10)
        assert station.stop() == 0, station.said()
