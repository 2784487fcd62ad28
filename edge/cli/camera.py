"""``wm-edge camera``: the wafer maps that a tool shows on its screen, one record a wafer."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli import options, review, station_options

if TYPE_CHECKING:
    from edge.verdict import Costs


@click.command(name="camera")
@click.argument("source", metavar="SOURCE")
@station_options.sinks
@click.option(
    "--recipe",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file with the colours of the screen; the usual colours when not given.",
)
@click.option(
    "--stable",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    help="Frames that must show the same wafer map before it counts.",
)
@click.option(
    "--patience",
    type=options.FiniteRange(0.5, 3600),
    default=10.0,
    show_default=True,
    help="Seconds without a frame after which the camera is opened anew.",
)
@options.model
@review.options
@options.backend
@options.kernels
@station_options.run
def command(
    source: str,
    store: tuple[Path, ...],
    jsonl: tuple[Path, ...],
    csv: tuple[Path, ...],
    mqtt: tuple[str, ...],
    fsync: str,
    recipe: Path | None,
    stable: int,
    patience: float,
    model: Path | None,
    below: tuple[dict[str, float], ...],
    costs: Costs | None,
    unfamiliar: float | None,
    mixed: float | None,
    backend: str | None,
    kernels: str,
    name: str | None,
    metrics: tuple[str, int] | None,
    quiet: bool,
) -> int:
    """Read the wafer map on a tool's screen and record the verdict of every wafer.

    SOURCE is the number of a USB camera, a device, a video file, a stream (rtsp, http, tcp) or
    picamera2. The map is found in the frame, squared up and read die by die; once so many frames
    agree it is one wafer. A frame that is not clear is refused, never guessed; /metrics counts why.

    Figures of accuracy are those of electrical test maps: a photograph of a wafer itself is another
    matter, and is refused.

    \b
    Examples:
      wm-edge camera 0 --store results.sqlite
      wm-edge camera rtsp://user:password@camera/screen --recipe prober.toml --metrics 9105
      wm-edge camera recording.mp4 --jsonl wafers.jsonl
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edge.station.camera import CameraSettings

    settings = replace(
        station_options.settings(
            store=store, jsonl=jsonl, csv=csv, mqtt=mqtt, fsync=fsync, name=name
        ),
        metrics=metrics,
        model=station_options.model_settings(
            model, below, costs, unfamiliar, mixed, backend, kernels
        ),
        cameras=(CameraSettings(source, recipe, stable, patience),),
    )
    return station_options.work(settings, quiet=quiet)
