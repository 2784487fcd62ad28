"""How well the wafer map on a tool's screen is read, and that a part of one is never taken for it.

    python benchmarks/screens.py [--frames 400]

Run from a checkout. Wafers are drawn, filmed and read by a program: discs of 15 to 80 dies a side
or, where the folder that ``WM_EDGE_DATA`` names has ``wm811k.npz``, every other one a real map; 6
frame pixels a die or more, keystone to 10 %, blur, noise and JPEG. Then a part of each frame is
lost at a side, covered by a window or by a stripe.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from edge.camera.frames import Image
from edge.screen.reader import ScreenReader
from edge.screen.recipe import Recipe
from edge.screen.refusal import Refusal
from edge.wafer.wafermap import DieGrid
from tests.support.screens import BLACK, GREY, WHITE, Look, View, cropped, disc, draw, film

#: Of the frame, pixels.
WIDTH, HEIGHT = 1280, 960


def main() -> None:
    """Read the frames and print how many were read exactly, refused and wrong, by kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=int, default=400, help="whole wafers")
    frames = parser.parse_args().frames
    found: dict[str, Counter[str]] = {}
    random = np.random.default_rng(0)
    for number, dies in zip(range(frames), wafers(random), strict=False):
        look = Look(
            max(6, 800 // dies.shape[1]),
            max(6, 800 // dies.shape[0]),
            gap=int(random.integers(0, 3)),
            ground=(BLACK, WHITE, GREY)[number % 3],
        )
        view = View(
            WIDTH,
            HEIGHT,
            rotation=random.uniform(-8, 8),
            keystone=(random.uniform(0, 0.1), random.uniform(0, 0.1)),
            blur=random.uniform(0, 1),
            noise=random.uniform(0, 6),
            quality=int(random.choice([0, 75, 92])),
        )
        window = draw(dies, look)
        count(found, "whole", film(window, view, number), dies)
        # A grabber's frame, in which the wafer's sides are known.
        frame = film(window, replace(View(WIDTH, HEIGHT, fill=1), noise=view.noise), number)
        for kind, damaged in damages(frame, random):
            count(found, kind, damaged, dies)
    for kind, counts in found.items():
        print(f"{kind:10}", *(f"{name} {counts[name]:5}" for name in ("exact", "refused", "wrong")))


def wafers(random: np.random.Generator) -> Iterator[DieGrid]:
    """Wafer maps without end."""
    file = Path(os.environ.get("WM_EDGE_DATA", "")) / "wm811k.npz"
    real = np.load(file) if file.is_file() else None
    while True:
        rows, columns = random.integers(15, 81, 2)
        fails = random.choice([0.0, 0.02, 0.1, 0.5, 1.0])
        yield disc(int(rows), int(columns), fails, 0.005, int(random.integers(1 << 30)))
        if real is not None:
            number = int(random.integers(len(real["shapes"])))
            start, end = real["offsets"][number : number + 2]
            dies = cropped(real["dies"][start:end].reshape(real["shapes"][number]))
            if max(dies.shape) <= 80 and np.count_nonzero(dies) >= Recipe().min_dies:
                yield dies


def damages(frame: Image, random: np.random.Generator) -> Iterator[tuple[str, Image]]:
    """A frame with 8 to 95 % of the wafer lost at a side, covered by a window or by a stripe."""
    ground = frame[HEIGHT // 2, WIDTH // 8].copy()
    wafer = np.abs(frame.astype(int) - ground).max(axis=2) > 64
    wafer &= np.ptp(frame, axis=2) > 64
    for side in range(4):
        turned, there = np.rot90(frame, side).copy(), np.rot90(wafer, side)
        rows = np.flatnonzero(there.any(axis=1))
        row = rows[-1] - int(np.ptp(rows) * random.uniform(0.08, 0.95))
        how = random.choice(["grey", "black", "ground", "repeated"])
        fill = {"grey": 128, "black": 0, "ground": ground, "repeated": turned[row - 1]}[how]
        turned[row:] = fill
        yield "lost", np.ascontiguousarray(np.rot90(turned, -side))
    rows, columns = np.flatnonzero(wafer.any(axis=1)), np.flatnonzero(wafer.any(axis=0))
    height, width = (int(np.ptp(each) * random.uniform(0.2, 0.6)) for each in (rows, columns))
    top, left = (
        random.integers(rows[0], rows[-1] - height),
        random.integers(columns[0], columns[-1] - width),
    )
    covered = frame.copy()
    covered[top : top + height, left : left + width] = ground if random.random() < 0.5 else 128
    yield "window", covered
    stripe = frame.copy()
    stripe[top : top + int(np.ptp(rows) * random.uniform(0.08, 0.3))] = ground
    yield "stripe", stripe


def count(found: dict[str, Counter[str]], kind: str, frame: Image, dies: DieGrid) -> None:
    """Read a frame and count what came of it."""
    seen = ScreenReader(Recipe()).read(frame)
    same = not isinstance(seen, Refusal) and np.array_equal(seen, dies)
    name = "refused" if isinstance(seen, Refusal) else "exact" if same else "wrong"
    found.setdefault(kind, Counter())[name] += 1


if __name__ == "__main__":
    main()
