"""``wm-edge info``: the model card of a file."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click

from edge.terminal import options
from edge.terminal.streams import tell


@click.command(name="info")
@click.argument("model", type=options.UserPath(), required=False)
@click.option("--json", "as_json", is_flag=True, help="The whole metadata as JSON.")
def command(model: Path | None, as_json: bool) -> int:
    """Show the model card of MODEL, or of the model file that ships.

    Per-class accuracy with intervals, what it was trained on, what it must not be used for.

    \b
    Examples:
      wm-edge info
      wm-edge info mine.tflite --json | jq .encoding
    """
    from edge.cli.model_card import card
    from edge.model.model_file import load

    model_file = load(model)
    if as_json:
        click.echo(json.dumps({**model_file.document, "sha256": model_file.sha256}, indent=1))
    else:
        for line in card(model_file, flowing=options.is_terminal(sys.stdout)).split("\n"):
            tell(line, _column(line))
    return 0


def _column(line: str) -> int:
    """Where the text of a line of the card begins, behind its title."""
    found = re.match(r"\s+|[a-z][a-z ]{10,11} (?=\S)|\[[0-9]+\] ", line)
    return found.end() if found else 0
