"""``wm-edge report``: what int8 cost, as one HTML page and its JSON twin."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import GateError
from edge.system.text import printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import warn


@click.command(name="report")
@click.argument("model", type=options.ModelPath(), required=False)
@click.option(
    "--data",
    type=options.UserPath(),
    required=True,
    help="Wafers to judge on: a labelled-set .npz or class folders of wafer maps.",
)
@options.part
@click.option(
    "--float",
    "float_path",
    type=options.UserPath(),
    help="Float .tflite of the same network; NAME.float.tflite beside MODEL when not given.",
)
@click.option(
    "--out",
    type=options.UserPath(),
    default="report.html",
    help="Page to write; the JSON twin comes beside it.",
)
@click.option(
    "--wafers",
    type=click.IntRange(0, 1000),
    default=24,
    help="Draw up to so many of the wafers whose class changed.",
)
@click.option(
    "--mixed",
    type=options.UserPath(),
    help="MixedWM38's .npz: what becomes of its wafers with several patterns at once.",
)
@options.overwrite
def command(
    model: Path | None,
    data: Path,
    part: str | None,
    float_path: Path | None,
    out: Path,
    wafers: int,
    mixed: Path | None,
    overwrite: bool,
) -> int:
    """Write the quantization report of MODEL (wm811k, which ships, when not given).

    One page that opens offline, and its JSON twin: whether int8 is as good as float, class by
    class, probability by probability and layer by layer. Prints the verdict; exit code 4 where it
    is red: a class lost too much, all are near chance, or one is never named. Figures of wafers
    that trained the model are worthless: judge on other lots.

    \b
    Examples:
      wm-edge report mine.tflite --data split.npz --part test
      wm-edge report mine.tflite --data golden.npz --out golden.html
    """
    options.require("jinja2", "matplotlib")
    from convert.parity import Level
    from convert.report import page
    from convert.report.manifest import calibration_manifest
    from convert.report.measure import measure
    from edge.dataset.load_any import load_any
    from edge.dataset.mixedwm38 import read as read_mixed
    from edge.dataset.reading import naming
    from edge.model import float_network
    from edge.model.model_file import load
    from edge.wafer.warned import Warned

    page.check_places(out, overwrite=overwrite)
    file = load(model)
    beside = float_network.beside(file.path)
    if float_path is None and beside.is_file():
        float_path = beside
    warned = Warned()
    labelled = load_any(data, file.patterns, warned=warned)
    warn(warned.sentences())
    name = data.name
    with naming(data):
        if part:
            labelled = labelled.part(part)
            name = f"{name}, part {part}"
        labelled = labelled.with_labels(lambda sentence: warn([sentence]))
    with Progress("") as progress:
        evidence = measure(
            file,
            labelled,
            data=name,
            float_content=float_network.read(float_path) if float_path else None,
            calibration_manifest=calibration_manifest(file),
            drawn=wafers,
            mixed=read_mixed(mixed) if mixed else None,
            progress=progress.stage,
        )
    page.write(evidence, out, overwrite=overwrite)
    warn(evidence.warnings)
    red = evidence.verdict.level is Level.RED
    click.secho(printable(evidence.verdict.text), fg="red" if red else None, bold=red)
    click.echo(f"wrote {printable(str(out))} and {printable(str(page.twin(out)))}", err=True)
    return GateError.exit_code if red else 0
