"""``wm-edge schema``: what the files that people's programs read and write are made of."""

from __future__ import annotations

import importlib
import json

import click

#: Modules with a function ``schema``.
_OF = {"record": "edge.results.record", "station": "edge.station.settings"}


@click.command(name="schema")
@click.argument("what", type=click.Choice(tuple(_OF)))
def command(what: str) -> int:
    """Print a JSON Schema (2020-12) with the meaning of every key.

    record: a line of JSON from classify, serial or a station, and a message of MQTT.

    station: a station's configuration file; an editor that knows it completes keys and marks
    mistakes.

    \b
    Examples:
      wm-edge schema record > record.schema.json
      wm-edge schema station > station.schema.json
    """
    click.echo(json.dumps(importlib.import_module(_OF[what]).schema(), indent=1))
    return 0
