"""``wm-edge bench``: how fast a model file is here, and against the float network."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from edge.errors import RuntimeUnavailableError, UsageError
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import warn

#: More threads than any station has cores measure nothing but the scheduler.
MOST_THREADS = 64


def counts_of(text: str) -> tuple[int, ...]:
    """Numbers with commas between them, each once, in ascending order."""
    try:
        counts = sorted({int(part) for part in text.split(",")})
    except ValueError:
        why = f"{text!r}: give numbers with commas between them, as 1,2,4"
        raise click.BadParameter(why) from None
    if not 1 <= counts[0] <= counts[-1] <= MOST_THREADS:
        raise click.BadParameter(f"{text!r}: each must be 1 to {MOST_THREADS}")
    return tuple(counts)


@click.command(name="bench")
@options.model
@click.option(
    "--float",
    "float_path",
    type=options.UserPath(),
    help="The same network as a float .tflite; MODEL's name with .float.tflite when not given.",
)
@click.option(
    "--run",
    type=options.UserPath(),
    help="Run folder of the float Keras network; needs TensorFlow.",
)
@click.option(
    "--data",
    type=options.UserPath(),
    help="Labelled set to take wafers from; simple ones are drawn when not given.",
)
@click.option(
    "--backend",
    type=click.Choice(options.BACKENDS),
    help="Only this runtime; else every one that is installed.",
)
@click.option(
    "--threads",
    type=counts_of,
    metavar="NUMBERS",
    default="1,2,4",
    help="Count wafers a second with so many threads.",
)
@click.option(
    "--seconds",
    type=options.FiniteRange(min=0.1, max=3600),
    help="For the latency of each subject; 5 when not given.",
)
@click.option("--quick", is_flag=True, help="A first impression in some seconds.")
@click.option("--json", "json_path", type=options.UserPath(), help="Write the figures here.")
@click.option(
    "--compare",
    type=options.UserPath(),
    help="JSON of an earlier run; shows what has changed since.",
)
@options.overwrite
def command(
    model: Path | None,
    float_path: Path | None,
    run: Path | None,
    data: Path | None,
    backend: str | None,
    threads: tuple[int, ...],
    seconds: float | None,
    quick: bool,
    json_path: Path | None,
    compare: Path | None,
    overwrite: bool,
) -> int:
    """Measure speed and memory of a model file: every runtime in a process of its own.

    Encoding, inference, decoding and the whole; wafers a second; cold start; peak memory; the
    share of this machine's int8 peak; ratios against the float network, measured in turns. Bars
    that are missed are said, the exit code stays 0.

    \b
    Examples:
      wm-edge bench --quick
      wm-edge bench --float float.tflite --run run/ --json today.json
      wm-edge bench --compare today.json
    """
    from dataclasses import replace

    from edge.bench import compare as comparison
    from edge.bench.measure import QUICK, Plan, bench
    from edge.bench.table import render, render_changes
    from edge.dataset.load_any import load_any
    from edge.model.model_file import load
    from edge.model.wheels import Backend
    from edge.system.files import check_place, write_text
    from edge.wafer.warned import Warned

    if quick and seconds is not None:
        raise UsageError("--quick and --seconds exclude each other")
    if json_path:
        check_place(json_path, overwrite=overwrite)
    before = comparison.read(compare) if compare else None
    if run:
        options.require("tensorflow", "keras")
    plan = QUICK if quick else Plan(seconds=seconds or Plan.seconds)
    warned = Warned()
    with Progress("measuring") as progress:
        report = bench(
            load(model),
            float_path=float_path,
            run=run,
            labelled=load_any(data, warned=warned) if data else None,
            backend=Backend(backend) if backend else None,
            plan=replace(plan, threads=threads),
            progress=progress.at,
        )
    found = report.as_dict(["wm-edge", *sys.argv[1:]])
    click.echo(render(report))
    warn([*warned.sentences(), *report.warnings])
    if before is not None:
        now = comparison.benchmark(found)
        warn(comparison.differences(before, now))
        click.echo("\n" + render_changes(comparison.changes(before, now)))
    if json_path:
        write_text(json_path, json.dumps(found, indent=1) + "\n")
    if all(row.failure is not None for row in report.rows):
        raise RuntimeUnavailableError("nothing could be measured; the table says why")
    return 0
