"""``wm-edge serial``: wafer maps to a microcontroller, its verdicts back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli import results
from edge.terminal import options

if TYPE_CHECKING:
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern
    from edge.serial.device import Device
    from edge.serial.link import Link


@click.command(name="serial")
@click.argument("arguments", nargs=-1, required=True, metavar="[PORT] PATH...")
@click.option(
    "--exec",
    "program",
    metavar="COMMAND",
    help="Talk to this program on its stdin and stdout; then no PORT is given.",
)
@click.option(
    "--baud",
    type=click.IntRange(300, 12_000_000),
    default=115_200,
    help="Speed of the port in bits a second.",
)
@click.option(
    "--timeout",
    type=options.FiniteRange(0.1, 3600),
    default=10.0,
    help="Seconds to wait for an answer.",
)
@click.option(
    "--retries",
    type=click.IntRange(0, 100),
    default=3,
    help="How often a wafer is sent again when the line has damaged it or no answer comes.",
)
@options.model
@options.results
@options.name_pattern
@options.fab
@click.option("--fail-fast", is_flag=True, help="Stop at the first wafer without a result.")
@click.option("--quiet", is_flag=True, help="No progress and no summary on stderr.")
def command(
    arguments: tuple[str, ...],
    program: str | None,
    baud: int,
    timeout: float,
    retries: int,
    model: Path | None,
    kind: str | None,
    output: Path | None,
    overwrite: bool,
    top_k: int | None,
    pattern: NamePattern | None,
    rules: Rules,
    fail_fast: bool,
    quiet: bool,
) -> int:
    """Have a microcontroller with the station firmware classify wafer maps.

    PORT is a serial port, or an address that pyserial knows; PATH is what `wm-edge classify` takes.
    A device whose firmware was made from another model file than --model, or than those that ship,
    is refused. Thresholds are those of the firmware; `latency_us` is the device's own time, without
    the transfer.

    \b
    Examples:
      wm-edge serial /dev/ttyACM0 wafers/
      wm-edge serial /dev/ttyUSB0 lot42.npz --baud 921600 --output lot42.csv
      wm-edge serial --exec ./station wafers/
      wm-edge serial /dev/ttyACM0 lot42.sinf --pass-bins 01
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edge.classification.pipeline import classify_items
    from edge.formats import paths as files
    from edge.model.model_file import load
    from edge.system import shipped

    paths = arguments if program is not None else arguments[1:]
    if not paths:
        raise click.UsageError("no PATH; give the wafer maps after the port")
    results.check(output, paths, overwrite=overwrite)
    models = [load(path) for path in ([model] if model else shipped.paths())]
    for one in models:
        one.require_exclusive("a device on a serial line")
    with _device(arguments[0], program, baud, timeout, retries) as device:
        model_file = device.check_model(*models)
        names = options.names(pattern, paths)
        items = files.read_items(files.expand(paths, exclude=output), names, rules)
        return results.write(
            classify_items(items, device, top_k, block=1),
            names,
            kind=kind,
            output=output,
            overwrite=overwrite,
            fail_fast=fail_fast,
            quiet=quiet,
            doing="sending",
            failed="without a result",
            total=lambda: files.count(paths, exclude=output),
            patterns=model_file.patterns,
            sent_again=lambda: device.retried,
        )


@contextmanager
def _device(
    port: str, program: str | None, baud: int, timeout: float, retries: int
) -> Iterator[Device]:
    from edge.serial.device import Device, Patience
    from edge.serial.link import ProcessLink, SerialLink

    link: Link = SerialLink(port, baud) if program is None else ProcessLink(program)
    with closing(link):
        yield Device(link, Patience(timeout, retries))
