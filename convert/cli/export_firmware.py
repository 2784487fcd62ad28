"""``wm-edge export-firmware``: a model file as C for a microcontroller."""

from __future__ import annotations

from pathlib import Path

import click

from convert.firmware.rounding import Rounding
from convert.firmware.targets import TARGETS
from edge.terminal import options


@click.command(name="export-firmware")
@click.argument("paths", metavar="[MODEL] DIR", nargs=-1, type=click.UNPROCESSED)
@options.model
@click.option(
    "--target",
    type=click.Choice(list(TARGETS)),
    default="c99",
    help="Kernels of its own, or a TFLite Micro project.",
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@click.option(
    "--measure",
    is_flag=True,
    help="With tflm: insist on measuring the arena, which needs TFLite Micro's wheel.",
)
@click.option(
    "--rounding",
    type=click.Choice([item.value for item in Rounding]),
    show_default="litert",
    help="With c99, whose bytes dense layers give: litert's are those of `wm-edge classify "
    "--kernels reference`, micro's those of TFLite Micro, a step or two off now and then.",
)
def command(
    paths: tuple[str, ...],
    model: Path | None,
    target: str,
    overwrite: bool,
    measure: bool,
    rounding: str | None,
) -> int:
    """Write MODEL, or what ships for it (wm811k-micro, else wm811k), to DIR as C sources.

    c99: kernels of its own, whose integer arithmetic is LiteRT's or TFLite Micro's, to the byte;
    `make test` in DIR proves it on this machine. tflm: a CMake project that fetches TFLite Micro.

    \b
    Examples:
      wm-edge export-firmware firmware/
      wm-edge export-firmware mine.tflite firmware/ --overwrite
      wm-edge export-firmware --model wm811k firmware/
      wm-edge export-firmware firmware/ --rounding micro
      wm-edge export-firmware firmware/ --target tflm
    """
    # click fills optional arguments first, so the two are told apart here.
    if not 1 <= len(paths) <= 2:
        raise click.UsageError("give DIR, or MODEL and DIR")
    if len(paths) > 1:
        if model is not None:
            raise click.UsageError(
                f"both {paths[0]} and --model {model}: give one of them, and DIR"
            )
        model = options.ModelPath().convert(paths[0], None, None)
    if rounding is not None and target != "c99":
        raise click.UsageError("--rounding goes with --target c99; tflm rounds as TFLite Micro")
    if measure:
        if target != "tflm":
            raise click.UsageError("--measure goes with --target tflm; c99 plans its memory itself")
        from convert.firmware.tflm.micro import require

        require()
    from convert.firmware.export import export
    from edge.model.model_file import load
    from edge.system import shipped

    place = options.UserPath().convert(paths[-1], None, None)
    file = load(model or shipped.firmware_path())
    chosen = None if rounding is None else Rounding(rounding)
    firmware = export(file, place, target, overwrite=overwrite, rounding=chosen)
    figures = ", ".join(f"{name} {value}" for name, value in firmware.figures.items())
    click.echo(f"{place}: {len(firmware.files)} files of {file.name}; {figures}", err=True)
    for doubt in firmware.doubts:
        click.echo(f"warning: {doubt}", err=True)
    return 0
