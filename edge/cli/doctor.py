"""``wm-edge doctor``: is this machine ready, and if not, what to do."""

from __future__ import annotations

from pathlib import Path

import click

from edge.cli import options


@click.command(name="doctor")
@options.model
@options.backend
def command(model: Path | None, backend: str | None) -> int:
    """Check runtime, versions, threads and speed of this machine.

    Exit code 0 when wafers can be classified here, 3 when not.

    \b
    Examples:
      wm-edge doctor
      wm-edge doctor --backend tflite
    """
    from edge.doctor import examine
    from edge.runtime import Backend

    code = 0
    for check in examine(model, Backend(backend) if backend else None):
        mark = "FAIL" if check.exit_code else "note" if check.mend else "ok"
        click.echo(f"{mark:<5}{check.name:<24}{check.found}")
        if check.mend:
            click.echo(f"{'':<29}mend: {check.mend}")
        code = max(code, check.exit_code)
    click.echo("ready" if code == 0 else "not ready", err=True)
    return code
