"""Synthetic wafers: sound on any grid, repeatable, and of the shape their label says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from edge.dataset.labelled_set import build
from edge.dataset.reading import load
from edge.errors import DataError, UsageError
from edge.wafer.patterns import PATTERNS, PatternSet
from edge.wafer.wafermap import FAIL, DieGrid
from train.cli.dataset_synth import command
from train.synth import round_grid, synthesise, synthetic_set, typical_grids
from train.synth.fill import filling
from train.synth.frame import WaferFrame
from train.synth.pictures import Layout, save_pictures
from train.synth.sets import drawable

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
    with pytest.raises(UsageError, match="zero or more"):
        synthetic_set({"Donut": -1}, [GRID], 0)
    with pytest.raises(UsageError, match="no die grid"):
        synthetic_set({"Donut": 1}, [], 0)


def test_set_has_the_counts_and_draws_on_all_grids() -> None:
    labelled = synthetic_set({"Scratch": 30, "Donut": 12}, typical_grids(), 3)
    assert {name: n for name, n in labelled.class_counts().items() if n} == {
        "Donut": 12,
        "Scratch": 30,
    }
    assert len({tuple(shape) for shape in labelled.shapes.tolist()}) > 3
    assert len(synthetic_set({}, [], 0)) == 0


def test_set_depends_on_the_seed_and_each_pattern_on_itself() -> None:
    grids = typical_grids()
    one = synthetic_set({"Donut": 3, "Scratch": 4}, grids, 3)
    assert one.sha256() == synthetic_set({"Scratch": 4, "Donut": 3}, grids, 3).sha256()
    assert one.sha256() != synthetic_set({"Donut": 3, "Scratch": 4}, grids, 4).sha256()
    alone = synthetic_set({"Scratch": 4}, grids, 3)
    assert one.select(one.labels == "Scratch").sha256() == alone.sha256()


#: ``pass`` is a pattern here: which one means none is said.
OWN = PatternSet(
    ("edge ring", "Local", "ER-03", "Comet", "pass", "gut"), "gut", {"scratch": "ER-03"}
)


def test_own_names_are_drawn_by_spelling_and_alias() -> None:
    assert drawable(OWN) == {
        "edge ring": "Edge-Ring",
        "Local": "Loc",
        "ER-03": "Scratch",
        "gut": "none",
    }
    made = synthetic_set({"gut": 2, "ER-03": 3}, [GRID], 3, OWN)
    assert made.labels.tolist() == ["ER-03"] * 3 + ["gut"] * 2
    assert made.patterns == OWN
    with pytest.raises(UsageError, match="no generator for the pattern 'pass'; there is one for"):
        synthetic_set({"pass": 1}, [GRID], 3, OWN)


def test_a_recipe_fills_what_can_be_drawn_and_says_what_is_not_there() -> None:
    counts = {**dict.fromkeys(OWN, 10), "gut": 70}
    assert filling(counts, OWN, 50, ()).counts == {"edge ring": 40, "Local": 40, "ER-03": 40}
    some = filling(counts, OWN, 50, ("EDGE_RING", "Loc", "Donut", "ok"))
    assert str(some) == (
        "synthetic wafers for the train part: 40 edge ring, 40 Local (not in this set: Donut)"
    )
    assert filling(counts, OWN, 50, ("Donut",)).counts == {}
    with pytest.raises(UsageError, match="no generator for 'Comet'; of this set can be drawn: ed"):
        filling(counts, OWN, 50, ("comet",))
    with pytest.raises(UsageError, match="'Rign' is no pattern of this set; its patterns are edge"):
        filling(counts, OWN, 50, ("Rign",))


def test_pictures_hold_one_pixel_a_die(tmp_path: Path) -> None:
    labelled = synthetic_set({"Donut": 2, "Near-full": 1}, [GRID], 0)
    save_pictures(labelled, tmp_path / "set", layout=Layout.CLASS_FOLDERS)
    picture = cv2.imread(str(tmp_path / "set/Donut/Donut-00002.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert np.array_equal(picture, np.array([0, 127, 255], np.uint8)[labelled.grid(1)])
    assert (tmp_path / "set/Near-full/Near-full-00001.png").exists()


def test_pictures_replace_only_their_own(tmp_path: Path) -> None:
    labelled = synthetic_set({"Donut": 2}, [GRID], 0)
    (tmp_path / "notes.png").write_bytes(b"mine")
    with pytest.raises(DataError, match="--overwrite"):
        save_pictures(labelled, tmp_path, layout=Layout.FLAT)
    save_pictures(labelled, tmp_path, layout=Layout.FLAT, overwrite=True)
    save_pictures(
        synthetic_set({"Loc": 1}, [GRID], 0), tmp_path, layout=Layout.FLAT, overwrite=True
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Loc-00001.png", "notes.png"]


def test_command_writes_a_labelled_set(tmp_path: Path) -> None:
    out = tmp_path / "synthetic.npz"
    arguments = ["--out", str(out), "--count", "donut=3", "--count", "none=2", "--size", "20x30"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    labelled = load(out)
    assert labelled.labels.tolist() == ["Donut"] * 3 + ["none"] * 2
    assert (labelled.shapes == (20, 30)).all()
    with pytest.raises(UsageError, match="--overwrite"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
    again = CliRunner().invoke(command, [*arguments, "--overwrite"], catch_exceptions=False)
    assert again.exit_code == 0


def test_command_takes_grids_from_the_train_part(tmp_path: Path) -> None:
    data, out = tmp_path / "data.npz", tmp_path / "pictures"
    real = synthetic_set({"none": 2}, [round_grid(11, 12)], 0)
    other = synthetic_set({"none": 2}, [round_grid(30, 31)], 0)
    maps = [part.grid(index) for part in (real, other) for index in range(2)]
    build(maps, ["none"] * 4, part=np.array(["train", "train", "test", "test"])).save(data)
    arguments = ["--out", str(out), "--like", str(data), "--per-class", "2"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    pictures = list(out.glob("*/*.png"))
    assert len(pictures) == 2 * len(PATTERNS)
    for picture in pictures:
        pixels = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        assert pixels.shape == (11, 12)


def test_command_draws_a_set_s_own_names(tmp_path: Path) -> None:
    data, out = tmp_path / "own.npz", tmp_path / "out"
    names = ["edge ring", "a=b", "x/y", "ok"]
    patterns = PatternSet(tuple(names), "ok", {"Loc": "a=b", "Donut": "x/y"})
    build([GRID] * 4, names, patterns).save(data)
    arguments = ["--out", str(out), "--like", str(data), "--count"]

    def run(*counts: str) -> str:
        wanted = [*arguments, *counts, "--overwrite"]
        return CliRunner().invoke(command, wanted, catch_exceptions=False).output

    run("A=B=2", "--count", "edge_ring=1")
    run("a=b=1")
    assert sorted(path.name for path in out.glob("*/*.png")) == ["a=b-00001.png"]
    with pytest.raises(UsageError, match="'x/y' cannot be the name of a class folder; give --out"):
        run("x/y=1")
    build([GRID] * 2, ["Comet", "Grid"]).save(data, overwrite=True)
    with pytest.raises(UsageError, match="no generator for any pattern of this set: Comet, Grid"):
        run("Comet=1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--count", "Doughnut=3"],
        ["--count", "Donut"],
        ["--count", "Donut=-3"],
        ["--count", "Donut=3", "--per-class", "2"],
        ["--size", "20"],
        ["--size", "0x3"],
        ["--size", "3x3"],
        ["--size", "3x3", "--like", "some.npz"],
        ["--format", "png"],
    ],
)
def test_command_refuses_contradictions(tmp_path: Path, arguments: list[str]) -> None:
    out = tmp_path / "out.npz"
    with pytest.raises(UsageError):
        CliRunner().invoke(command, ["--out", str(out), *arguments], catch_exceptions=False)
    assert not out.exists()


@pytest.mark.parametrize("name", ["mistyped/out.npz", "mistyped/pictures"])
def test_command_makes_no_folder_above_its_output(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*mistyped; make it"):
        CliRunner().invoke(command, ["--out", str(tmp_path / name)], catch_exceptions=False)
    assert not (tmp_path / "mistyped").exists()
