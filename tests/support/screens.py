"""Wafer maps on a screen, and the screen as a camera sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.camera.frames import Image
from edge.formats.picture.palette import Colour
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

GREEN: Final[Colour] = (0, 200, 0)
RED: Final[Colour] = (214, 39, 40)
BLACK: Final[Colour] = (0, 0, 0)
WHITE: Final[Colour] = (255, 255, 255)
GREY: Final[Colour] = (128, 128, 128)


@dataclass(frozen=True)
class Look:
    """How an inspection tool draws its wafer map.

    Attributes:
        die_width: Screen pixels from one die to the next across, the gap included.
        die_height: The same, down.
        gap: Screen pixels between two dies; 0 where they touch.
        good: RGB of passing dies.
        bad: RGB of failing dies.
        ground: RGB of the window.
        line: RGB of the gaps inside the wafer, or None where the ground shows through.
        margin: Screen pixels around the map.
        title: Text of a title bar above the map, or empty.
        legend: Whether a legend in the dies' colours stands at the right.
    """

    die_width: int = 8
    die_height: int = 8
    gap: int = 0
    good: Colour = GREEN
    bad: Colour = RED
    ground: Colour = BLACK
    line: Colour | None = None
    margin: int = 40
    title: str = ""
    legend: bool = False


@dataclass(frozen=True)
class View:
    """How the camera looks at the screen.

    Attributes:
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        fill: Share of the frame's smaller side that the screen takes, 0..1.
        rotation: Degrees, anticlockwise.
        keystone: By which share the far edge is shorter than the near one, across and down.
        blur: Sigma in frame pixels.
        noise: Sigma in grey levels.
        gain: Brightness, 1 as drawn.
        offset: Grey levels added to everything (stray light).
        quality: JPEG quality 1..100, or 0 for none. Colour has half the resolution there, as in a
            camera's video.
        desk: RGB around the screen.
    """

    width: int = 640
    height: int = 480
    fill: float = 0.95
    rotation: float = 0.0
    keystone: tuple[float, float] = (0.0, 0.0)
    blur: float = 0.0
    noise: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    quality: int = 0
    desk: Colour = (40, 38, 36)


def disc(
    rows: int, columns: int, fails: float = 0.1, missing: float = 0.0, seed: int = 0
) -> DieGrid:
    """A round wafer map whose dies fail, or are missing, at random.

    Args:
        rows: Of the map.
        columns: Of the map.
        fails: Share of failing dies, 0..1.
        missing: Share of positions on the wafer without a die, 0..1.
        seed: For the positions.

    Returns:
        uint8 (rows, columns) of {0, 1, 2}, with dies in its outermost rows and columns.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    y, x = (2 * y + 1) / rows - 1, (2 * x + 1) / columns - 1
    dies = np.where(random.random((rows, columns)) < fails, FAIL, PASS).astype(np.uint8)
    dies[random.random((rows, columns)) < missing] = NO_DIE
    dies[x * x + y * y > 1] = NO_DIE
    return cropped(dies)


def cropped(dies: DieGrid) -> DieGrid:
    """Without empty rows and columns at the sides: what a reader can give back."""
    rows, columns = np.flatnonzero(dies.any(axis=1)), np.flatnonzero(dies.any(axis=0))
    return np.ascontiguousarray(dies[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def draw(dies: DieGrid, look: Look) -> Image:
    """The tool's window: uint8 (height, width, 3) BGR."""
    rows, columns = dies.shape
    ground = np.asarray(look.ground[::-1], np.uint8)
    colours = np.stack([ground, np.asarray(look.good[::-1]), np.asarray(look.bad[::-1])])
    wafer = colours.astype(np.uint8)[dies]
    wafer = wafer.repeat(look.die_height, axis=0).repeat(look.die_width, axis=1)
    if look.gap:
        on_line = np.zeros(wafer.shape[:2], bool)
        on_line.reshape(rows, look.die_height, -1)[:, -look.gap :] = True
        on_line.reshape(-1, columns, look.die_width)[:, :, -look.gap :] = True
        if look.line is not None:
            on_line &= dies.repeat(look.die_height, axis=0).repeat(look.die_width, axis=1) > 0
        wafer[on_line] = (look.line or look.ground)[::-1]
    bar = 36 if look.title else 0
    side = 110 if look.legend else 0
    height, width = wafer.shape[:2]
    window = np.empty((height + bar + 2 * look.margin, width + side + 2 * look.margin, 3), np.uint8)
    window[:] = ground
    window[bar + look.margin :, look.margin :][:height, :width] = wafer
    ink = (0, 0, 0) if sum(look.ground) > 384 else (230, 230, 230)
    if look.title:
        cv2.putText(window, look.title, (8, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, 2)
    if look.legend:
        left, top = look.margin + width + 40, bar + look.margin + 10
        for row, (name, colour) in enumerate((("pass", look.good), ("fail", look.bad))):
            y = top + 28 * row
            cv2.rectangle(window, (left, y), (left + 18, y + 18), colour[::-1], -1)
            at = (left + 26, y + 16)
            cv2.putText(window, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, 1)
    return window


def film(window: Image, view: View, seed: int = 0) -> Image:
    """A frame of a camera in front of the screen.

    Args:
        window: uint8 (h, w, 3) BGR, what the screen shows.
        view: How the camera looks at it.
        seed: For the noise.

    Returns:
        uint8 (view.height, view.width, 3) BGR.
    """
    finer = 2
    height, width = window.shape[:2]
    scale = finer * view.fill * min(view.width / width, view.height / height)
    across, down = view.keystone
    x, y = 0.5 * width * scale, 0.5 * height * scale
    corners = np.array(
        [[-x * (1 - down), -y * (1 - across)], [x * (1 - down), -y], [x, y], [-x, y * (1 - across)]]
    )
    angle = np.deg2rad(-view.rotation)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = finer * np.array([view.width, view.height]) / 2
    corners = (corners @ turn.T + middle).astype(np.float32)
    drawn = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    size = (finer * view.width, finer * view.height)
    smooth = max(0.0, 0.5 / scale - 0.5)  # finer detail than the camera's own would alias
    source = cv2.GaussianBlur(window, (0, 0), smooth) if smooth > 0.2 else window
    seen = cv2.warpPerspective(
        source, cv2.getPerspectiveTransform(drawn, corners), size, borderValue=view.desk[::-1]
    )
    frame: Image = np.asarray(
        cv2.resize(seen, (view.width, view.height), interpolation=cv2.INTER_AREA), np.uint8
    )
    if view.blur:
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), view.blur), np.uint8)
    values = frame.astype(np.float32) * view.gain + view.offset
    if view.noise:
        grain = np.random.default_rng(seed).standard_normal(values.shape, np.float32)
        values += view.noise * grain
    frame = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    if view.quality:
        _, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, view.quality])
        frame = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return frame
