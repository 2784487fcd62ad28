"""Drawn wafers: sound on any grid, the same for a seed, and of the shape their label says."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edge.errors import UsageError
from edge.synth import round_grid, synthesise
from edge.synth.frame import SIDES, WaferFrame, any_round_grid
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import FAIL, DieGrid

WAFERS = 40
GRID = round_grid(39, 37)

#: Lowest and highest mean share of failing dies over many wafers.
MEAN_SHARE = {
    "Center": (0.12, 0.30),
    "Donut": (0.18, 0.34),
    "Edge-Loc": (0.08, 0.25),
    "Edge-Ring": (0.08, 0.25),
    "Loc": (0.06, 0.22),
    "Near-full": (0.80, 0.96),
    "Random": (0.40, 0.56),
    "Scratch": (0.04, 0.17),
    "none": (0.05, 0.20),
}


def with_holes(rows: int, columns: int) -> DieGrid:
    grid = round_grid(rows, columns)
    grid[rows // 2, columns // 2] = 0
    grid[rows // 3, columns // 3 : columns // 3 + 2] = 0
    return grid


def lone_die() -> DieGrid:
    grid = np.zeros((9, 4), np.uint8)
    grid[7, 1] = 1
    return grid


AWKWARD_GRIDS = {
    "1x1": np.ones((1, 1), np.uint8),
    "1x5": np.ones((1, 5), np.uint8),
    "7x1": np.ones((7, 1), np.uint8),
    "2x2": round_grid(2, 2),
    "6x21": round_grid(6, 21),
    "200x300": round_grid(200, 300),
    "holes": with_holes(27, 25),
    "one die, off centre": lone_die(),
    "padded": np.pad(round_grid(20, 22), ((3, 9), (0, 14))),
    "a real wafer's states": round_grid(26, 26) * np.uint8(2),
}


def many(pattern: str, grid: DieGrid = GRID, wafers: int = WAFERS) -> npt.NDArray[np.bool_]:
    """Fails of many wafers on one grid: bool (wafers, rows, columns)."""
    rng = np.random.default_rng(11)
    return np.stack([synthesise(pattern, grid, rng) == FAIL for _ in range(wafers)])


def rate(fails: npt.NDArray[np.bool_], where: npt.NDArray[np.bool_]) -> float:
    return float(fails[:, where].mean())


@pytest.fixture(scope="module")
def frame() -> WaferFrame:
    return WaferFrame.of(GRID)


@pytest.mark.parametrize("grid", AWKWARD_GRIDS.values(), ids=AWKWARD_GRIDS.keys())
@pytest.mark.parametrize("pattern", PATTERNS)
def test_any_grid_gives_a_sound_wafer(pattern: str, grid: DieGrid) -> None:
    before = grid.copy()
    for seed in range(3):
        dies = synthesise(pattern, grid, np.random.default_rng(seed))
        assert dies.dtype == np.uint8
        assert dies.shape == grid.shape
        assert np.array_equal(dies > 0, grid > 0)
        assert dies.max() <= FAIL
    assert np.array_equal(grid, before)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_seed_decides(pattern: str) -> None:
    first, again = (synthesise(pattern, GRID, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)
    others = [synthesise(pattern, GRID, np.random.default_rng(seed)) for seed in range(6, 12)]
    assert any(not np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_share_of_fails_is_that_of_the_pattern(pattern: str) -> None:
    low, high = MEAN_SHARE[pattern]
    assert low < rate(many(pattern), GRID > 0) < high


def test_center_fails_most_in_the_middle(frame: WaferFrame) -> None:
    fails = many("Center")
    middle = rate(fails, frame.radius < 0.12)
    between = rate(fails, (frame.radius > 0.5) & (frame.radius < 0.85))
    assert middle > 0.6
    assert middle > 3 * between


def test_donut_is_better_in_its_hole_and_outside_than_on_the_ring(frame: WaferFrame) -> None:
    fails = many("Donut")
    hole = rate(fails, frame.radius < 0.12)
    ring = rate(fails, (frame.radius > 0.3) & (frame.radius < 0.5))
    outside = rate(fails, (frame.radius > 0.75) & (frame.radius < 0.9))
    assert ring > 1.6 * hole
    assert ring > 2.5 * outside


def test_edge_ring_fails_all_round_the_edge(frame: WaferFrame) -> None:
    fails = many("Edge-Ring")
    rim = frame.dies & (frame.depth == 0)
    assert rate(fails, rim) > 0.7
    assert rate(fails, frame.radius < 0.8) < 0.15
    for start in np.linspace(-np.pi, np.pi, 8, endpoint=False):
        stretch = rim & (frame.angle >= start) & (frame.angle < start + np.pi / 4)
        assert rate(fails, stretch) > 0.6


def test_edge_loc_fails_at_one_stretch_of_the_edge(frame: WaferFrame) -> None:
    fails = many("Edge-Loc")
    rim = frame.dies & (frame.depth < 0.12)
    sector = np.floor((frame.angle + np.pi) / (np.pi / 4)).clip(0, 7)
    by_sector = np.stack([fails[:, rim & (sector == part)].mean(axis=1) for part in range(8)])
    assert np.median(by_sector.max(axis=0)) > 0.6
    assert np.median(by_sector.min(axis=0)) < 0.3


def test_loc_gathers_away_from_the_centre_and_none_gathers_nowhere(frame: WaferFrame) -> None:
    inner = frame.dies & (frame.radius < 0.85)

    def densest(fails: npt.NDArray[np.bool_]) -> float:
        peaks = [cv2.blur((one & inner).astype(np.float32), (5, 5))[inner].max() for one in fails]
        return float(np.median(peaks))

    assert densest(many("Loc")) > 1.5 * densest(many("none"))


def test_none_has_only_small_clusters() -> None:
    shares = []
    for fails in many("none"):
        _, _, parts, _ = cv2.connectedComponentsWithStats(fails.astype(np.uint8))
        shares.append(parts[1:, cv2.CC_STAT_AREA].max(initial=0) / np.count_nonzero(GRID))
    assert np.median(shares) < 0.04


def test_scratch_is_long_and_thin() -> None:
    grid = round_grid(60, 60)
    longer = 0
    for fails in many("Scratch", grid):
        picture = fails.astype(np.uint8)
        # Thin: hardly anything outlasts an opening by three dies.
        opened = cv2.morphologyEx(picture, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        assert opened.sum() < 0.01 * np.count_nonzero(grid)
        _, _, parts, _ = cv2.connectedComponentsWithStats(picture)
        sides = parts[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
        longer += int(sides.max(initial=0) >= 6)
    assert longer > 0.7 * WAFERS


def test_near_full_leaves_few_good_dies_and_random_many() -> None:
    assert (many("Near-full").sum(axis=(1, 2)) > 0.6 * np.count_nonzero(GRID)).all()
    random = many("Random").sum(axis=(1, 2)) / np.count_nonzero(GRID)
    assert random.min() > 0.15
    assert random.max() < 0.85


def test_many_small_dies_fail_less_than_few_large_ones() -> None:
    few, lots = round_grid(26, 26), round_grid(90, 90)
    assert rate(many("none", few), few > 0) > 2 * rate(many("none", lots), lots > 0)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 9), (6, 21), (26, 26), (53, 58)])
def test_round_grid_reaches_every_side_and_is_symmetric(rows: int, columns: int) -> None:
    grid = round_grid(rows, columns)
    assert grid.shape == (rows, columns)
    assert set(np.unique(grid)) <= {0, 1}
    assert grid.any(axis=0).all()
    assert grid.any(axis=1).all()
    assert np.array_equal(grid, grid[::-1])
    assert np.array_equal(grid, grid[:, ::-1])


def test_round_grid_is_round() -> None:
    share = np.count_nonzero(round_grid(60, 40)) / (60 * 40)
    assert share == pytest.approx(np.pi / 4, abs=0.02)


@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (5, -1), (5000, 5)])
def test_round_grid_refuses_impossible_sides(rows: int, columns: int) -> None:
    with pytest.raises(UsageError, match="between 1 and"):
        round_grid(rows, columns)


def test_what_cannot_be_drawn_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="patterns are Center"):
        synthesise("donut", GRID, rng)
    with pytest.raises(UsageError, match="at least one die"):
        synthesise("Donut", np.zeros((4, 4), np.uint8), rng)
    for share in (-0.1, 1.1, np.nan):
        with pytest.raises(UsageError, match="share from 0 to 1"):
            synthesise("Donut", GRID, rng, share)


#: Of wafers that were drawn before: what a recipe trained on is drawn again.
DRAWN = {
    "Center": "63f8ab413cc39673",
    "Donut": "8e202ae6828358f7",
    "Edge-Loc": "3934c24e2d973541",
    "Edge-Ring": "0649382ea13b937d",
    "Loc": "092be3c771e0afbb",
    "Near-full": "30cf6c17db2b6e7c",
    "Random": "b7c20164b3e87346",
    "Scratch": "079a5f048363e631",
    "none": "78e9b16ad49a17be",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_a_seed_draws_stays(pattern: str) -> None:
    digest = hashlib.sha256()
    for seed in range(5):
        for size in ((1, 1), (8, 8), (6, 21), (39, 37), (120, 90)):
            wafer = synthesise(pattern, round_grid(*size), np.random.default_rng(seed))
            digest.update(wafer.tobytes())
    assert digest.hexdigest()[:16] == DRAWN[pattern]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_background_takes_the_place_of_the_pattern_s_own(pattern: str) -> None:
    rng = np.random.default_rng(11)
    alone = np.stack([synthesise(pattern, GRID, rng, 0) == FAIL for _ in range(WAFERS)])
    rng = np.random.default_rng(11)
    over = np.stack([synthesise(pattern, GRID, rng, 0.3) == FAIL for _ in range(WAFERS)])
    dies = GRID > 0
    assert (over | ~alone).all()  # the same pattern, and more
    assert rate(over & ~alone, dies) / (1 - rate(alone, dies)) == pytest.approx(0.3, abs=0.02)
    if pattern == "none":
        assert not alone.any()
    elif pattern not in {"Near-full", "Random"}:
        assert rate(alone, dies) < rate(many(pattern), dies)


def test_round_grids_of_any_size_reach_from_few_dies_to_many_and_some_are_oblong() -> None:
    rng = np.random.default_rng(0)
    sides = np.asarray([any_round_grid(rng).shape for _ in range(400)])
    assert sides.min() == SIDES[0]
    assert SIDES[1] * 0.9 < sides.max() <= SIDES[1]
    assert np.median(sides) == pytest.approx(np.sqrt(SIDES[0] * SIDES[1]), rel=0.4)
    ratio = np.log(sides[:, 0] / sides[:, 1])
    assert np.abs(ratio).max() < 0.6
    assert np.abs(ratio).mean() > 0.15
