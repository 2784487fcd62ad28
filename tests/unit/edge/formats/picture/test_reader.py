"""Pictures: every way to paint a map is read exactly, everything else is refused with a reason."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError, InputKind
from edge.formats.picture.palette import PALETTES, Palette
from edge.formats.picture.reader import dies_of
from edge.formats.reading import read
from edge.wafer.wafermap import WaferMap

Pixels = npt.NDArray[np.generic]

VIRIDIS = np.array([(68, 1, 84), (33, 145, 140), (253, 231, 37)], np.uint8)
GREY = np.array([0, 127, 255], np.uint8)


def wafer(side: int = 24, fails: float = 0.2) -> npt.NDArray[np.uint8]:
    """A round wafer with random fails."""
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    inside = rows**2 + columns**2 < side**2 / 4
    failing = np.random.default_rng(side).random((side, side)) < fails
    return (inside * (1 + failing)).astype(np.uint8)


def save(path: Path, pixels: Pixels, quality: int = 95) -> Path:
    """Write grey, RGB or RGBA pixels."""
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    written = cv2.imencode(path.suffix, pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    path.write_bytes(written.tobytes())
    return path


def magnified(pixels: Pixels, times: int) -> Pixels:
    """Each pixel as a block."""
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def single(path: Path) -> WaferMap:
    """The one wafer map of a file."""
    (item,) = read(path)
    assert isinstance(item, WaferMap)
    return item


def refusal(path: Path) -> InputError:
    """The error that a file gives."""
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert str(path) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("levels", [(0, 1, 2), (0, 127, 255), (0, 128, 255), (20, 90, 200)])
def test_grey_levels(tmp_path: Path, suffix: str, times: int, levels: tuple[int, ...]) -> None:
    dies = wafer()
    path = save(tmp_path / f"w{suffix}", magnified(np.array(levels, np.uint8)[dies], times))
    assert np.array_equal(single(path).dies, dies)


@pytest.mark.parametrize("levels", [(0, 1, 2), (0, 1000, 2000), (0, 32767, 65535)])
def test_sixteen_bits(tmp_path: Path, levels: tuple[int, ...]) -> None:
    dies = wafer()
    path = save(tmp_path / "w.png", np.array(levels, np.uint16)[dies])
    assert np.array_equal(single(path).dies, dies)


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.name)
@pytest.mark.parametrize("times", [1, 4])
def test_colours(tmp_path: Path, palette: Palette, times: int) -> None:
    dies = wafer()
    colours = np.array([palette.no_die[0], palette.good[-1], palette.bad[-1]], np.uint8)
    path = save(tmp_path / "w.png", magnified(colours[dies], times))
    assert np.array_equal(single(path).dies, dies)


@pytest.mark.parametrize("palette", [None, *PALETTES[:9]], ids=lambda p: p.name if p else "grey")
@pytest.mark.parametrize("quality", [90, 100])
@pytest.mark.parametrize("times", [4, 5, 8])
def test_jpeg_with_blocks(
    tmp_path: Path, palette: Palette | None, quality: int, times: int
) -> None:
    dies = wafer()
    if palette is None:
        pixels: Pixels = np.array([0, 127, 255], np.uint8)[dies]
    else:
        pixels = np.array([palette.no_die[0], palette.good[0], palette.bad[0]], np.uint8)[dies]
    path = save(tmp_path / "w.jpg", magnified(pixels, times), quality)
    assert np.array_equal(single(path).dies, dies)


def test_a_margin_that_is_no_whole_number_of_blocks(tmp_path: Path) -> None:
    dies = wafer()
    padded = VIRIDIS[np.pad(magnified(dies, 6), ((7, 9), (2, 0)))]
    occupied = single(save(tmp_path / "w.png", padded)).dies
    occupied = occupied[occupied.any(axis=1)][:, occupied.any(axis=0)]
    assert np.array_equal(occupied, dies[dies.any(axis=1)][:, dies.any(axis=0)])


@pytest.mark.parametrize("step", [(3, 5), (5, 3), (4, 8), (2, 3)])
@pytest.mark.parametrize("margin", [0, 1])
def test_oblong_dies(tmp_path: Path, step: tuple[int, int], margin: int) -> None:
    dies = wafer(26)
    pixels = dies.repeat(step[0], axis=0).repeat(step[1], axis=1)
    path = save(tmp_path / "w.png", VIRIDIS[np.pad(pixels, margin)])
    found = single(path).dies
    found = found[found.any(axis=1)][:, found.any(axis=0)]
    assert np.array_equal(found, dies[dies.any(axis=1)][:, dies.any(axis=0)])


@pytest.mark.parametrize("step", [(1, 2), (2, 1), (1, 3)])
def test_dies_of_one_pixel_by_several(tmp_path: Path, step: tuple[int, int]) -> None:
    dies = wafer(26)
    pixels = dies.repeat(step[0], axis=0).repeat(step[1], axis=1)
    assert np.array_equal(single(save(tmp_path / "w.png", pixels)).dies, dies)


@pytest.mark.parametrize("rows", [[3, 4], [1, 3, 11, 20], [12, 13, 14, 15]])
def test_rows_that_happen_to_repeat_stay(tmp_path: Path, rows: list[int]) -> None:
    dies = wafer(26)
    for row in rows:
        dies[row + 1] = dies[row]
    assert np.array_equal(single(save(tmp_path / "w.png", dies)).dies, dies)


#: How programs choose the die of each of ``size`` pixels: OpenCV, torch; Pillow, matplotlib; what
#: draws rectangles; SciPy.
ENLARGED: dict[str, Callable[[npt.NDArray[np.intp], int], npt.NDArray[np.intp]]] = {
    "floor": lambda at, dies: at * dies // len(at),
    "middle": lambda at, dies: (2 * at + 1) * dies // (2 * len(at)),
    "rectangles": lambda at, dies: ((at + 1) * dies - 1) // len(at),
    "ends": lambda at, dies: (2 * at * (dies - 1) // (len(at) - 1) + 1) // 2,
}


def enlarged(dies: Pixels, size: tuple[int, int], way: str) -> Pixels:
    """Dies of k and of k + 1 pixels."""
    rows, columns = (
        ENLARGED[way](np.arange(pixels), old) for pixels, old in zip(size, dies.shape, strict=True)
    )
    return dies[np.ix_(rows, columns)]


def trimmed(dies: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Without rows and columns in which no die is."""
    return dies[dies.any(axis=1)][:, dies.any(axis=0)]


#: Below two pixels a die, many equal rows or few rows leave nothing to tell an enlarged map by.
FACTORS = st.one_of(
    st.tuples(st.floats(2.0, 9.0), st.floats(2.0, 9.0), st.sampled_from([0.0, 0.02, 0.2])),
    st.tuples(st.floats(1.3, 1.9), st.floats(1.3, 1.9), st.sampled_from([0.1, 0.2])),
)


@pytest.mark.parametrize("way", ENLARGED)
@settings(derandomize=True, deadline=None, max_examples=50, database=None)
@given(
    rows=st.integers(20, 60),
    columns=st.integers(20, 60),
    factors=FACTORS,
    margin=st.sampled_from([0, 0, 1, 11]),
    seed=st.integers(0, 99),
)
def test_enlarged_by_any_factor(
    way: str, rows: int, columns: int, factors: tuple[float, float, float], margin: int, seed: int
) -> None:
    """The true grid, or refused."""
    y, x = np.mgrid[:rows, :columns]
    round_ = np.hypot((2 * y + 1) / rows - 1, (2 * x + 1) / columns - 1) <= 1
    bad = np.random.default_rng(seed).random((rows, columns)) < factors[2]
    dies = trimmed((round_ * (1 + bad)).astype(np.uint8))
    size = (round(len(dies) * factors[0]), round(dies.shape[1] * factors[1]))
    pixels = np.array([0, 127, 255], np.uint8)[np.pad(enlarged(dies, size, way), margin)]
    with contextlib.suppress(InputError):
        assert np.array_equal(trimmed(dies_of(pixels, "w.png")), dies)


@pytest.mark.parametrize("size", [64, 96, 224, 369])
@pytest.mark.parametrize("shape", [(7, 7), (26, 26), (43, 39), (52, 52)])
@pytest.mark.parametrize("way", ["floor", "middle"])
def test_usual_sizes_are_read(tmp_path: Path, way: str, shape: tuple[int, int], size: int) -> None:
    dies = wafer(max(shape))[:, : shape[1]]
    pixels = np.array([0, 127, 255], np.uint8)[enlarged(dies, (size, size), way)]
    assert np.array_equal(single(save(tmp_path / "w.png", pixels)).dies, dies)


@pytest.mark.parametrize("rows", [116, 112, 96, 84])
def test_a_division_in_floating_point(tmp_path: Path, rows: int) -> None:
    """OpenCV comes out below whole numbers: a change is one pixel late here and there."""
    dies = wafer(146, 0.02)[:rows]
    pixels = cv2.resize(GREY[dies], (224, 224), interpolation=cv2.INTER_NEAREST)
    path = save(tmp_path / "w.png", pixels)
    with contextlib.suppress(InputError):
        assert np.array_equal(single(path).dies, dies)


@pytest.mark.parametrize("size", [(60, 56), (66, 50), (44, 44)])
def test_enlarged_jpeg(tmp_path: Path, size: tuple[int, int]) -> None:
    """Blocks of 4 x 4 pixels fit some of these maps by chance."""
    dies = wafer(7, 0)
    pixels = np.array([0, 127, 255], np.uint8)[enlarged(dies, size, "floor")]
    path = save(tmp_path / "w.jpg", magnified(pixels, 4))
    with contextlib.suppress(InputError):
        assert np.array_equal(trimmed(single(path).dies), trimmed(dies))


def test_few_changes_are_no_oblong_dies(tmp_path: Path) -> None:
    """Dies of 2 x 2 pixels whose columns happen to change at every second die only."""
    dies = np.pad(np.ones((12, 8), np.uint8), ((0, 0), (4, 4)))
    dies[::2, 6:8] = 2
    dies[::3, 10:12] = 2
    assert np.array_equal(single(save(tmp_path / "w.png", magnified(dies, 2))).dies, dies)


def test_opacity(tmp_path: Path) -> None:
    dies = wafer()
    rgba = np.dstack([VIRIDIS[dies], np.full(dies.shape, 255, np.uint8)])
    assert np.array_equal(single(save(tmp_path / "opaque.png", rgba)).dies, dies)
    rgba[dies == 0] = 0
    assert np.array_equal(single(save(tmp_path / "clear.png", rgba)).dies, dies)
    rgba[5, 5, 3] = 100
    assert refusal(save(tmp_path / "half.png", rgba)).kind is InputKind.NOT_A_MAP


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG by hand, for kinds that OpenCV does not write; ``extra`` are chunks with their name."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [b"IHDR" + header, *extra, b"IDAT" + zlib.compress(rows), b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def test_palette_png_and_harmless_extras(tmp_path: Path) -> None:
    dies = wafer(7)
    rows = b"".join(b"\0" + row.tobytes() for row in dies)
    path = tmp_path / "w.png"
    extras = (b"iCCPnonsense", b"PLTE" + VIRIDIS.tobytes(), b"tEXtTitle\0wafer")
    path.write_bytes(png(7, 7, 8, 3, rows, *extras))
    assert np.array_equal(single(path).dies, dies)


@pytest.mark.parametrize(
    ("levels", "states"),
    [((0, 1), (0, 1)), ((0, 2), (0, 2)), ((1, 2), (1, 2)), ((1,), (1,)), ((2,), (2,)),
     ((0, 127), (0, 1)), ((0, 128), (0, 1)), ((255, 128), (2, 1))],
)  # fmt: skip
def test_two_levels_that_are_clear(
    tmp_path: Path, levels: tuple[int, ...], states: tuple[int, ...]
) -> None:
    where = np.minimum(wafer(fails=0), len(levels) - 1)
    if levels[0] == 255:  # failing dies do not fill the corners of a wafer
        where[:2] = 1
    path = save(tmp_path / "w.png", np.array(levels, np.uint8)[where])
    assert np.array_equal(single(path).dies, np.array(states)[where])


@pytest.mark.parametrize("levels", [(0, 255), (40, 90), (255,), (90,)])
def test_levels_that_may_mean_anything(tmp_path: Path, levels: tuple[int, ...]) -> None:
    where = np.minimum(wafer(fails=0), len(levels) - 1)
    path = save(tmp_path / "w.png", np.array(levels, np.uint8)[where])
    assert refusal(path).kind is InputKind.AMBIGUOUS


def test_one_bit(tmp_path: Path) -> None:
    path = tmp_path / "w.png"
    path.write_bytes(png(8, 2, 1, 0, b"\0\x3c\0\x7e"))
    assert refusal(path).kind is InputKind.AMBIGUOUS


def test_autoscaled_plot_of_a_wafer_that_passes(tmp_path: Path) -> None:
    path = save(tmp_path / "w.png", VIRIDIS[wafer(fails=0) * 2])
    error = refusal(path)
    assert error.kind is InputKind.AMBIGUOUS
    assert "viridis" in error.reason


@pytest.mark.parametrize("turned", [VIRIDIS[::-1], np.array([255, 127, 0], np.uint8)])
def test_scale_the_other_way_round(tmp_path: Path, turned: npt.NDArray[np.uint8]) -> None:
    assert refusal(save(tmp_path / "w.png", turned[wafer()])).kind is InputKind.AMBIGUOUS


BLUE_WHITE_RED = np.array([(0, 0, 255), (255, 254, 254), (255, 0, 0)], np.uint8)
COOLWARM = np.array([(59, 76, 192), (221, 220, 220), (180, 4, 38)], np.uint8)
HEAT = np.array([(0, 0, 0), (190, 0, 0), (255, 255, 255)], np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("colours", "states"),
    [
        (COOLWARM, (1, 0, 2)),  # no die in the middle
        (COOLWARM, (1, 2, 0)),
        (GREY, (1, 0, 2)),
        (GREY, (1, 2, 0)),
        (VIRIDIS, (1, 2, 0)),
        (BLUE_WHITE_RED, (0, 1, 2)),  # blue background, white passing dies
        (BLUE_WHITE_RED, (1, 2, 0)),  # red passing dies
        (np.array([20, 90, 200], np.uint8), (0, 2, 1)),
        (HEAT, (0, 1, 2)),  # red passing dies, white failing ones
    ],
)
@pytest.mark.parametrize("fails", [0.2, 0.0, 1.0])
def test_scales_in_another_order(
    tmp_path: Path,
    colours: npt.NDArray[np.uint8],
    states: tuple[int, ...],
    fails: float,
    suffix: str,
) -> None:
    """Refused, whether all dies pass, some fail, or all."""
    pixels = magnified(colours[np.array(states)[wafer(fails=fails)]], 8)
    error = refusal(save(tmp_path / f"w{suffix}", pixels))
    assert error.kind in (InputKind.AMBIGUOUS, InputKind.NOT_A_MAP)


def test_one_colour_is_no_wafer_that_passes(tmp_path: Path) -> None:
    path = save(tmp_path / "w.png", np.full((40, 40), 127, np.uint8))
    assert refusal(path).kind is InputKind.AMBIGUOUS


def photograph() -> npt.NDArray[np.uint8]:
    """Smooth noise."""
    noise = np.random.default_rng(3).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    return cv2.resize(noise, (240, 200), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def grid_lines() -> npt.NDArray[np.uint8]:
    """White gaps between dies on white."""
    station = np.array([(255, 255, 255), (0, 128, 0), (255, 0, 0)], np.uint8)
    pixels = magnified(station[wafer()], 8)
    pixels[::8] = pixels[:, ::8] = 255
    return pixels.astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("photo.png", photograph()),
        ("photo.jpg", photograph()),
        ("grey photo.jpg", photograph()[..., 0]),
        ("gradient.png", np.tile(np.arange(256, dtype=np.uint8), (50, 1))),
        ("four levels.png", np.array([[0, 60], [120, 255]], np.uint8)),
        ("other colours.png", np.array([(10, 200, 200), (0, 128, 0), (90, 0, 90)])[wafer()]),
        ("lines.png", grid_lines()),
        ("states.jpg", wafer()),
        ("one pixel a die.jpg", VIRIDIS[wafer()]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_not_a_map(tmp_path: Path, name: str, pixels: Pixels) -> None:
    error = refusal(save(tmp_path / name, pixels.astype(np.uint8)))
    assert error.kind is InputKind.NOT_A_MAP
    assert "PNG" in error.reason or "without" in error.reason


def test_bad_values(tmp_path: Path) -> None:
    dies = wafer()
    assert refusal(save(tmp_path / "none.png", dies * 0)).kind is InputKind.NO_DIES
    dies[4, 7] = 3
    error = refusal(save(tmp_path / "three.png", dies))
    assert error.kind is InputKind.BAD_VALUE
    assert "value 3 at row 4, column 7" in error.reason


def test_one_die_and_odd_names(tmp_path: Path) -> None:
    one = np.ones((1, 1), np.uint8)
    assert single(save(tmp_path / "Wafer 3 – Prüfung 晶圆.png", one)).dies.tolist() == [[1]]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_damage_is_silent_on_stderr(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / f"w{suffix}", magnified(wafer() * 127, 8))
    whole = path.read_bytes()
    for cut in (9, 20, 40, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        assert refusal(path).kind is InputKind.UNREADABLE
    assert capfd.readouterr() == ("", "")


def test_a_damaged_jpeg_is_not_another_wafer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The decoder only warns and fills with grey, which is the level of passing dies."""
    path = save(tmp_path / "w.jpg", magnified(wafer() * 127, 8))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    assert refusal(path).kind is InputKind.UNREADABLE
    scan = whole.index(b"\xff\xda")
    damaged = bytearray(whole)
    damaged[scan + 200 : scan + 208] = b"\xff\xd3" * 4
    path.write_bytes(damaged)
    assert refusal(path).kind is InputKind.UNREADABLE
    path.write_bytes(whole)
    assert np.array_equal(single(path).dies, wafer())
    os.write(2, b"still here")
    assert capfd.readouterr() == ("", "still here")


def test_what_other_threads_say_harms_no_jpeg(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Damage must not be told by what appears on the process's stderr, nor that be lost."""
    path = save(tmp_path / "w.jpg", magnified(wafer() * 127, 4))
    done = threading.Event()
    written = []

    def talk() -> None:
        while not done.is_set():
            written.append(os.write(2, b"a line of another thread\n"))
            time.sleep(0.001)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        for _ in range(10):
            assert np.array_equal(single(path).dies, wafer())
    finally:
        done.set()
        thread.join()
    assert capfd.readouterr() == ("", "a line of another thread\n" * len(written))


def test_jpeg_without_its_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    error = refusal(save(tmp_path / "w.jpg", magnified(wafer() * 127, 8)))
    assert error.kind is InputKind.UNSUPPORTED
    assert "pip install simplejpeg" in error.reason


def test_endless_scans(tmp_path: Path) -> None:
    path = save(tmp_path / "w.jpg", magnified(wafer() * 127, 8))
    whole = path.read_bytes()
    scan = whole[whole.index(b"\xff\xda") : -2]
    path.write_bytes(whole[:-2] + scan * 200 + whole[-2:])
    assert refusal(path).kind is InputKind.UNREADABLE


def odd_png(rng: random.Random) -> bytes:
    """A small PNG of any kind whose checksums are right and something else may be wrong."""
    kind, values, depths = rng.choice(
        [(0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (6, 4, (8, 16))]
    )
    depth, width, height = rng.choice(depths), rng.randint(1, 9), rng.randint(1, 9)
    stride = -(-width * values * depth // 8)
    last_filter = rng.choice([4, 4, 4, 5])
    rows = b"".join(
        bytes([rng.randint(0, last_filter)]) + rng.randbytes(stride) for _ in range(height)
    )
    rows = rows[: len(rows) - rng.choice([0, 0, 0, 1])] + rng.choice([b"", b"more"])
    extras = [
        b"PLTE" + rng.randbytes(rng.choice([0, 3, 5, 9, 48, 768, 771])),
        b"tRNS" + rng.randbytes(rng.choice([1, 2, 6, 300])),
        rng.choice([b"iCCPnonsense", b"gAMA\0", b"acTL12345678", b"eXIf1"]),
    ]
    return png(width, height, depth, kind, rows, *rng.sample(extras, rng.randint(0, 3)))


def test_a_damaged_png_with_right_checksums_is_silent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(5)
    path = tmp_path / "w.png"
    for _ in range(500):
        path.write_bytes(odd_png(rng))
        with contextlib.suppress(InputError):
            list(read(path))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("level", [0, 9])
def test_damage_behind_right_checksums_is_refused(tmp_path: Path, level: int) -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in wafer(40))
    harmed = bytearray(zlib.compress(rows, level))
    harmed[-3] ^= 1  # in the sum of the unpacked rows
    whole = png(40, 40, 8, 0, b"")
    start, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    chunk = b"IDAT" + harmed
    written = struct.pack(">I", len(harmed)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path = tmp_path / "w.png"
    path.write_bytes(whole[:start] + written + whole[end:])
    assert refusal(path).kind is InputKind.UNREADABLE


def test_a_pixel_beyond_the_palette(tmp_path: Path) -> None:
    path = tmp_path / "w.png"
    dies = wafer(20)
    dies[10, 10] = 3
    rows = b"".join(b"\0" + row.tobytes() for row in dies)
    path.write_bytes(png(20, 20, 8, 3, rows, b"PLTE" + VIRIDIS.tobytes()))
    assert refusal(path).kind is InputKind.NOT_A_MAP


def test_wrong_content(tmp_path: Path) -> None:
    path = tmp_path / "w.png"
    path.write_text("this is a text")
    assert refusal(path).kind is InputKind.UNREADABLE
    path.write_bytes(b"")
    assert refusal(path).kind is InputKind.EMPTY
    other = save(tmp_path / "w.bmp", wafer()).rename(tmp_path / "bitmap.png")
    assert np.array_equal(single(other).dies, wafer())


def bomb(kind: str) -> bytes:
    """A small file that declares 20,000 x 20,000 pixels."""
    side = 20_000
    if kind == "png":
        return png(side, side, 8, 0, bytes(1000))
    if kind == "bmp":
        return b"BM" + bytes(12) + struct.pack("<IiiHH", 40, side, -side, 1, 24) + bytes(100)
    if kind == "jpg":
        frame = struct.pack(">HBHHB", 8 + 3, 8, side, side, 1) + b"\1\x11\0"
        return b"\xff\xd8\xff\xc0" + frame + b"\xff\xda\0\2\xff\xd9"
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, side) for tag in (256, 257))
    return b"II*\0" + struct.pack("<IH", 8, 2) + fields + bytes(4)


@pytest.mark.parametrize("kind", ["png", "bmp", "jpg", "tif"])
def test_huge_pictures_cost_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"huge.{kind}"
    path.write_bytes(bomb(kind))
    tracemalloc.start()
    try:
        assert refusal(path).kind is InputKind.TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_several_pages(tmp_path: Path) -> None:
    path = tmp_path / "w.tif"
    cv2.imwritemulti(str(path), [wafer(), wafer()])
    assert refusal(path).kind is InputKind.UNSUPPORTED


def test_opencv_is_imported_only_for_pictures(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", wafer())
    code = (
        "import sys, edge.formats.reading, edge.formats.paths\n"
        f"assert len(list(edge.formats.reading.read({str(tmp_path / 'w.npy')!r}))) == 1\n"
        "assert 'cv2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("red", [(180, 0, 0), (220, 0, 0), (240, 0, 0)])
def test_reds_between_the_usual_ones_are_read(tmp_path: Path, red: tuple[int, int, int]) -> None:
    colours = np.array([(255, 255, 255), (0, 200, 0), red], np.uint8)
    path = save(tmp_path / "w.png", magnified(colours[wafer()], 3))
    assert np.array_equal(single(path).dies, wafer())


def test_an_unknown_colour_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    colours = np.array([(255, 255, 255), (0, 160, 0), (255, 0, 0)], np.uint8)
    with pytest.raises(InputError) as caught:
        single(save(tmp_path / "w.png", magnified(colours[wafer()], 3)))
    assert (
        "(nearest: 'green pass, red fail on white', with #008000 instead of #00a000)"
        in caught.value.reason
    )
