"""Wafer maps as small pictures."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

from edge.wafer import wafer_picture
from edge.wafer.wafermap import FAIL, PASS


def test_small_map_is_enlarged_with_a_pixel_block_a_die() -> None:
    dies = np.asarray([[0, PASS], [PASS, FAIL]], np.uint8)
    drawn = wafer_picture.picture(dies)
    assert drawn.shape == (192, 192, 3)
    colours = [tuple(drawn[y, x].tolist()) for y, x in ((48, 48), (48, 144), (144, 144))]
    assert len(set(colours)) == 3
    assert tuple(drawn[144, 48].tolist()) == colours[1]
    # Told apart without colour, too: a failed die is far darker.
    assert sum(colours[1]) - sum(colours[2]) > 200


@pytest.mark.parametrize("shape", [(700, 500), (193, 10), (4096, 3)])
def test_one_failed_die_of_a_large_map_stays_visible(shape: tuple[int, int]) -> None:
    dies = np.full(shape, PASS, np.uint8)
    clean = wafer_picture.picture(dies)
    dies[shape[0] // 2, shape[1] // 2] = FAIL
    drawn = wafer_picture.picture(dies)
    assert max(drawn.shape) <= wafer_picture.SIDE
    assert (drawn != clean).any()


def test_data_uri_is_a_png_of_the_picture() -> None:
    dies = np.asarray([[PASS, FAIL, PASS]], np.uint8)
    head, _, text = wafer_picture.data_uri(dies).partition(",")
    assert head == "data:image/png;base64"
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded, wafer_picture.picture(dies))


def test_map_in_words() -> None:
    dies = np.asarray([[0, PASS, FAIL], [PASS, FAIL, 0]], np.uint8)
    assert wafer_picture.describe(dies) == "wafer map of 2 x 3 positions, 2 of 4 dies failed"
