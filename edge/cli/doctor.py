"""``wm-edge doctor``: is this machine ready, and if not, what to do."""

from __future__ import annotations

from pathlib import Path

import click

from edge.terminal import options
from edge.terminal.streams import tell

#: Where what was found begins.
INDENT = 29


@click.command(name="doctor")
@options.model
@options.backend
def command(model: Path | None, backend: str | None) -> int:
    """Check runtime, versions, threads and speed of this machine.

    Each runtime is tried afresh in a process of its own, whatever an earlier start made of it.
    Exit code 0 when wafers can be classified here, 3 when not.

    \b
    Examples:
      wm-edge doctor
      wm-edge doctor --backend tflite
    """
    import logging

    from edge.classification.doctor import examine
    from edge.model.wheels import Backend

    logging.getLogger("edge.model.runtime").setLevel(logging.ERROR)  # the checks say it
    code = 0
    for check in examine(model, Backend(backend) if backend else None):
        mark = "FAIL" if check.exit_code else "note" if check.mend else "ok"
        for number, line in enumerate(check.found.split("\n")):
            tell(f"{'' if number else mark:<5}{'' if number else check.name:<24}{line}", INDENT)
        if check.mend:
            tell(f"{'':<{INDENT}}mend: {check.mend}", INDENT)
        code = max(code, check.exit_code)
    click.echo("ready" if code == 0 else "not ready", err=True)
    return code
