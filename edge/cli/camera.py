"""``wm-edge camera``: the wafer maps that a tool shows on its screen, one record a wafer."""

from __future__ import annotations

import os
from typing import Any

import click

from edge.cli import station_options
from edge.terminal import options


@click.command(name="camera")
@click.argument("source", metavar="SOURCE")
@click.option(
    "--recipe",
    type=options.UserPath(dir_okay=False),
    help="TOML file with the colours of the screen; the usual colours when not given.",
)
@click.option(
    "--stable",
    type=click.IntRange(1, 1000),
    default=3,
    help="Frames that must show the same wafer map before it counts.",
)
@click.option(
    "--patience",
    type=options.FiniteRange(0.5, 3600),
    default=10.0,
    help="Seconds without a frame after which the camera is opened anew.",
)
@click.option(
    "--complete-after",
    type=options.FiniteRange(0, 86400),
    default=5.0,
    help="Seconds without another die after which a wafer is complete: longer than a prober takes "
    "for a die; 0 records every map that stands still.",
)
@click.option(
    "--camera-name",
    help="Of the camera in records, metrics and messages; else its address: scheme, host and port.",
)
@click.option(
    "--username",
    help="Of the camera; else the environment's WM_EDGE_CAMERA_USERNAME.",
)
@click.option(
    "--password-file",
    type=options.UserPath(dir_okay=False),
    help="Its first line is the password; else the environment's WM_EDGE_CAMERA_PASSWORD.",
)
@station_options.common
def command(
    source: str,
    **given: Any,
) -> int:
    """Read the wafer map on a tool's screen and record the verdict of every wafer.

    SOURCE is the number of a USB camera, a device, a video file, a stream (rtsp, http, tcp) or
    picamera2. The map is found in the frame, squared up and read die by die; once so many frames
    agree and no more dies come it is one wafer. A frame that is not clear is refused, never
    guessed; /metrics counts why.

    Figures of accuracy are those of electrical test maps: a photograph of a wafer itself is another
    matter, and is refused.

    \b
    Examples:
      wm-edge camera 0 --store results.sqlite
      wm-edge camera rtsp://camera/screen --username line3 --password-file key.txt
      wm-edge camera recording.mp4 --jsonl wafers.jsonl
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    keys = ("recipe", "stable", "patience", "complete_after", "username", "password_file")
    told = {key: given[key] for key in keys}
    told |= {"source": source, "name": (given["camera_name"] or "").strip()}
    settings = station_options.settings(given, camera=told)
    return station_options.work(settings, quiet=given["quiet"])
