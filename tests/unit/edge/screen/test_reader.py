"""Draw a wafer on a screen, film it, read it: the same wafer, or a reason, never another one."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.camera.frames import Image
from edge.screen.reader import ScreenReader
from edge.screen.recipe import Recipe
from edge.screen.refusal import Refusal, RejectReason
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid
from tests.support.screens import (
    BLACK,
    GREEN,
    GREY,
    RED,
    WHITE,
    Look,
    View,
    cropped,
    disc,
    draw,
    film,
)

READER = ScreenReader(Recipe())

#: A camera as it is mounted: a little turned and aside, some noise, compressed.
MOUNTED = View(rotation=4, keystone=(0.06, 0.04), blur=0.5, noise=3, quality=92)

#: The picture itself, as an HDMI grabber gives it.
GRABBED = View(fill=1)


def read(dies: DieGrid, look: Look, view: View = MOUNTED) -> DieGrid | Refusal:
    return READER.read(film(draw(dies, look), view))


def gate(frame: Image, reader: ScreenReader = READER) -> RejectReason:
    seen = reader.read(frame)
    assert isinstance(seen, Refusal), f"read {seen.shape}"
    assert seen.why
    return seen.reason


@pytest.mark.parametrize(
    "look",
    [
        Look(10, 10),
        Look(10, 10, gap=1),
        Look(10, 10, gap=2, ground=WHITE),
        Look(10, 10, gap=1, line=GREY, ground=WHITE),
        Look(10, 10, ground=GREY, title="Lot 5, wafer 11"),
        Look(10, 10, gap=1, legend=True),
        Look(10, 10, good=(31, 119, 180), ground=WHITE),
        Look(10, 10, good=(33, 150, 243), bad=(255, 192, 0)),
        Look(10, 10, good=(160, 160, 160), bad=(220, 20, 60), ground=WHITE),
        Look(10, 10, good=(33, 145, 140), bad=(253, 231, 37), ground=(68, 1, 84)),
    ],
    ids=lambda look: f"{look.good}-{look.bad}-{look.ground}-{look.gap}",
)
@pytest.mark.parametrize("view", [GRABBED, MOUNTED], ids=["grabbed", "mounted"])
def test_what_is_drawn_is_read(look: Look, view: View) -> None:
    dies = disc(41, 41, fails=0.1, missing=0.01)
    np.testing.assert_array_equal(read(dies, look, view), dies)


@pytest.mark.parametrize(
    ("rows", "columns", "width", "height"),
    [(20, 20, 22, 22), (30, 48, 10, 16), (50, 32, 16, 10), (60, 60, 8, 8)],
)
@pytest.mark.parametrize("fails", [0.0, 0.02, 0.9, 1.0])
@pytest.mark.parametrize("gap", [0, 1])
def test_any_size_and_any_yield(
    rows: int, columns: int, width: int, height: int, fails: float, gap: int
) -> None:
    dies = disc(rows, columns, fails)
    np.testing.assert_array_equal(read(dies, Look(width, height, gap)), dies)


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080)])
def test_frames_of_any_size(size: tuple[int, int]) -> None:
    dies = disc(45, 45, fails=0.05)
    view = replace(MOUNTED, width=size[0], height=size[1])
    np.testing.assert_array_equal(read(dies, Look(9, 9, gap=1), view), dies)


def test_dies_missing_at_the_rim() -> None:
    dies = disc(40, 40, fails=0.1)
    dies[:, 0] = dies[:2, :16] = NO_DIE
    dies[19, 0] = PASS
    dies[0, 20] = FAIL
    np.testing.assert_array_equal(read(dies, Look(10, 10)), dies)


@pytest.mark.parametrize("state", [PASS, FAIL])
def test_a_single_die_of_its_state(state: int) -> None:
    dies = disc(40, 40, fails=float(state == PASS))
    dies[13, 20] = state
    np.testing.assert_array_equal(read(dies, Look(10, 10)), dies)


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("how", ["grey", "black", "window", "repeated"])
def test_a_wafer_of_which_a_part_is_lost_is_refused(side: int, how: str) -> None:
    frame = film(draw(disc(26, 26, fails=0.1), Look(16, 16, 2, ground=GREY)), GRABBED)
    turned = np.ascontiguousarray(np.rot90(frame, side))
    rows = np.flatnonzero(np.ptp(turned.astype(int), axis=(1, 2)) > 60)
    pitch = len(rows) / 26
    for kept in np.arange(2.3, 24, 1.7):
        lost = turned.copy()
        row = round(rows[0] + kept * pitch)
        lost[row:] = lost[row - 1] if how == "repeated" else {"grey": 90, "black": 0}.get(how, 128)
        gate(np.ascontiguousarray(np.rot90(lost, -side)), ScreenReader(Recipe()))


@pytest.mark.parametrize("how", ["grey", "black", "repeated"])
def test_what_is_left_of_a_wafer_is_no_pause(how: str) -> None:
    """A third of the frame is not round; but it was seen before, and stands where it stood."""
    reader = ScreenReader(Recipe())
    frame = film(draw(disc(26, 26, fails=0.1), Look(16, 16, 2, ground=BLACK)), GRABBED)
    for side in range(4):
        assert not isinstance(reader.read(frame), Refusal)
        lost = np.rot90(frame, side).copy()
        row = round(0.37 * len(lost))
        lost[row:] = lost[row - 1] if how == "repeated" else {"grey": 128, "black": 0}[how]
        lost = np.ascontiguousarray(np.rot90(lost, -side))
        assert gate(lost, reader) in {RejectReason.CUT_OFF, RejectReason.UNCLEAR_GRID}
    for level in (0, 128, 255):
        assert gate(np.full_like(frame, level), reader) is RejectReason.NO_WAFER
    for colour in (GREEN, RED):
        assert gate(np.full_like(frame, colour[::-1]), reader) is RejectReason.NO_WAFER
    begun = disc(26, 26, fails=0.1)
    begun[2:] = NO_DIE
    assert (
        gate(film(draw(begun, Look(16, 16, 2, ground=BLACK)), GRABBED), reader)
        is RejectReason.NO_WAFER
    )


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(15, 16), slice(None)),
        (slice(None), slice(20, 22)),
        (slice(10, 13), slice(8, 11)),
        (slice(22, 40), slice(25, 40)),
        (slice(0, 12), slice(0, 20)),
    ],
    ids=["row", "columns", "window", "corner", "beyond the rim"],
)
def test_a_wafer_that_is_covered_or_half_drawn_is_refused(rows: slice, columns: slice) -> None:
    dies = disc(40, 40, fails=0.1)
    dies[rows, columns] = NO_DIE
    seen = read(dies, Look(10, 10))
    assert isinstance(seen, Refusal)
    assert seen.reason in {RejectReason.CUT_OFF, RejectReason.UNCLEAR_GRID}


@pytest.mark.parametrize("size", [26, 40, 60])
def test_a_flat_and_a_notch_belong_to_a_wafer(size: int) -> None:
    dies = disc(size, size, fails=0.1)
    dies[size - round(0.03 * size) :] = NO_DIE
    dies[:2, size // 2 - 1 : size // 2 + 1] = NO_DIE
    dies[size // 2, size // 2 : size // 2 + 4] = NO_DIE  # test sites
    dies = cropped(dies)
    np.testing.assert_array_equal(read(dies, Look(520 // size, 520 // size)), dies)


def test_a_recipe_allows_for_larger_flats_and_gaps() -> None:
    dies = disc(40, 40, fails=0.1)
    dies[37:] = dies[15] = NO_DIE
    dies = cropped(dies)
    frame = film(draw(dies, Look(10, 10)), MOUNTED)
    reader = ScreenReader(Recipe(flat=0.08, max_gap=40))
    np.testing.assert_array_equal(reader.read(frame), dies)
    assert gate(frame, ScreenReader(Recipe(flat=0.08))) is RejectReason.UNCLEAR_GRID
    assert gate(frame, ScreenReader(Recipe(max_gap=40))) is RejectReason.CUT_OFF


def test_overexposed_dies_are_not_taken_for_the_window() -> None:
    dies = disc(20, 20, fails=0.5)
    look = Look(20, 20, good=(144, 238, 144), bad=(255, 0, 0), ground=GREY)
    assert isinstance(read(dies, look, replace(MOUNTED, gain=1.17, offset=37)), Refusal)


def test_grey_dies_blown_out_to_white_are_not_taken_for_none() -> None:
    look = Look(10, 10, good=(160, 160, 160), ground=WHITE)
    blown = replace(MOUNTED, gain=1.5, offset=35, quality=0)
    assert isinstance(read(disc(40, 40, fails=0.9), look, blown), Refusal)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    rows=st.integers(15, 60),
    columns=st.integers(15, 60),
    fails=st.sampled_from([0.0, 0.02, 0.2, 0.9, 1.0]),
    missing=st.sampled_from([0.0, 0.05]),
    gap=st.integers(0, 2),
    ground=st.sampled_from([BLACK, WHITE, GREY]),
    view=st.builds(
        View,
        fill=st.floats(0.6, 1.2),
        rotation=st.floats(-15, 15),
        keystone=st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)),
        blur=st.floats(0, 3),
        noise=st.floats(0, 15),
        gain=st.floats(0.3, 1.6),
        offset=st.floats(0, 60),
        quality=st.sampled_from([0, 40, 70, 90]),
    ),
    seed=st.integers(0, 1000),
)
def test_never_another_wafer(
    rows: int,
    columns: int,
    fails: float,
    missing: float,
    gap: int,
    ground: tuple[int, int, int],
    view: View,
    seed: int,
) -> None:
    dies = disc(rows, columns, fails, missing, seed)
    look = Look(max(6, 480 // columns), max(6, 480 // rows), gap, ground=ground)
    seen = READER.read(film(draw(dies, look), view, seed))
    if not isinstance(seen, Refusal):
        np.testing.assert_array_equal(seen, dies)


WAFER = disc(40, 40, fails=0.1)


def test_gate_no_wafer() -> None:
    window = np.full((480, 640, 3), 255, np.uint8)
    cv2.putText(window, "Wafer 12: loading", (40, 200), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (0, 0, 0), 3)
    assert gate(film(window, MOUNTED)) is RejectReason.NO_WAFER


@pytest.mark.parametrize("level", [0, 10, 40, 128, 245, 255])
@pytest.mark.parametrize("noise", [0, 3, 8])
def test_a_frame_of_one_colour_is_without_a_wafer(level: int, noise: float) -> None:
    """A screen that is switched off between two wafers is a pause as any other."""
    grain = noise * np.random.default_rng(0).standard_normal((480, 640, 3))
    light = np.hypot(*np.ogrid[-1:1:480j, -1:1:640j])[..., None]
    for frame in (level + grain, level * (1 - 0.05 * light) + grain):
        assert gate(np.clip(frame, 0, 255).astype(np.uint8)) is RejectReason.NO_WAFER


@pytest.mark.parametrize("side", [(1.7, 0), (0, 1.7)])
def test_gate_cut_off(side: tuple[float, float]) -> None:
    frame = film(draw(WAFER, Look(10, 10)), MOUNTED)
    middle = np.array([[1, 0, 90 * side[0]], [0, 1, 90 * side[1]]])
    assert gate(cv2.warpAffine(frame, middle, (640, 480)).astype(np.uint8)) is RejectReason.CUT_OFF


def test_gate_exposure() -> None:
    assert (
        gate(film(draw(WAFER, Look(10, 10)), replace(MOUNTED, gain=0.1))) is RejectReason.EXPOSURE
    )
    assert (
        gate(film(draw(WAFER, Look(10, 10)), replace(MOUNTED, offset=250))) is RejectReason.EXPOSURE
    )


def test_gate_blur() -> None:
    assert gate(film(draw(WAFER, Look(10, 10)), replace(MOUNTED, blur=8))) is RejectReason.BLUR


def test_gate_unclear_grid() -> None:
    small = film(draw(disc(80, 80), Look(4, 4)), View(640, 480, fill=0.5, noise=3))
    assert gate(small) is RejectReason.UNCLEAR_GRID
    plain = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(plain, (320, 240), 180, (0, 200, 0), -1)
    assert gate(film(plain, GRABBED)) is RejectReason.UNCLEAR_GRID


def test_a_plot_scaled_to_its_own_values_is_refused() -> None:
    """All in viridis' brightest colour: all pass, or all fail?"""
    look = Look(10, 10, good=(253, 231, 37), ground=(68, 1, 84))
    for gain in (1.0, 0.8, 0.6):
        frame = film(draw(disc(40, 40, fails=0), look), replace(MOUNTED, gain=gain, offset=28))
        assert gate(frame) is RejectReason.UNCLEAR_GRID


@lru_cache
def hostile() -> dict[str, Image]:
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:480, 0:640]
    waves = [127 + 100 * np.sin(x / (60 + 9 * c) + c) * np.cos(y / (50 + 7 * c)) for c in range(3)]
    text = np.full((480, 640, 3), 255, np.uint8)
    for row in range(18):
        at = (10, 25 + 25 * row)
        cv2.putText(text, "yield 97.3 % lot A-113", at, cv2.FONT_HERSHEY_PLAIN, 1.5, (0, 160, 0), 2)
    table = random.integers(1, 3, (30, 30)).astype(np.uint8)
    disc_of_noise = random.integers(0, 256, (480, 640, 3), np.uint8)
    disc_of_noise[np.hypot(x - 320, y - 240) > 200] = 0
    return {
        "black": np.zeros((480, 640, 3), np.uint8),
        "white": np.full((480, 640, 3), 255, np.uint8),
        "green": np.full((480, 640, 3), (0, 200, 0), np.uint8),
        "noise": random.integers(0, 256, (480, 640, 3), np.uint8),
        "disc of noise": disc_of_noise,
        "one pixel": np.zeros((1, 1, 3), np.uint8),
        "tiny": random.integers(0, 256, (8, 8, 3), np.uint8),
        "narrow": random.integers(0, 256, (2000, 3, 3), np.uint8),
        "huge": np.zeros((4320, 7680, 3), np.uint8),
        "grey": np.full((480, 640, 3), 128, np.uint8),
        "photograph": np.clip(np.stack(waves, -1), 0, 255).astype(np.uint8),
        "text": text,
        "table": draw(table, Look(12, 12)),
        "bullseye": cv2.circle(np.zeros((480, 640, 3), np.uint8), (320, 240), 150, (0, 0, 220), 90),
    }


@pytest.mark.parametrize("name", hostile())
def test_what_is_no_wafer_is_refused(name: str) -> None:
    gate(hostile()[name])


def test_letterbox() -> None:
    dies = disc(40, 40, fails=0.1)
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[60:420] = film(draw(dies, Look(10, 10, ground=WHITE)), View(640, 360))
    np.testing.assert_array_equal(READER.read(frame), dies)


def test_a_region_keeps_the_rest_out() -> None:
    dies, other = disc(30, 30, seed=1), disc(34, 34, seed=2)
    left = film(draw(dies, Look(10, 10)), View(480, 480))
    right = film(draw(other, Look(10, 10)), View(480, 480))
    frame = np.hstack([left, right])
    for x, shown in ((0, dies), (480, other)):
        reader = ScreenReader(Recipe(region=(x, 0, 480, 480)))
        np.testing.assert_array_equal(reader.read(frame), shown)


def test_a_fixed_size_refuses_others() -> None:
    frame = film(draw(WAFER, Look(10, 10)), MOUNTED)
    rows, columns = WAFER.shape
    fixed = ScreenReader(Recipe(rows=rows, columns=columns))
    np.testing.assert_array_equal(fixed.read(frame), WAFER)
    assert gate(frame, ScreenReader(Recipe(rows=rows + 1))) is RejectReason.UNCLEAR_GRID


def test_colours_of_ones_own() -> None:
    look = Look(10, 10, good=(255, 0, 255), bad=(255, 255, 0))
    frame = film(draw(WAFER, look), MOUNTED)
    own = ScreenReader(Recipe(good="#ff00ff", fail="#ffff00", no_die="#000000"))
    np.testing.assert_array_equal(own.read(frame), WAFER)
