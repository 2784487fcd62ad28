"""Options and steps that ``watch``, ``camera`` and ``station`` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from edge.terminal import options, review_options

if TYPE_CHECKING:
    from edge.station.settings import Settings
    from edge.station.station import Station

_FILE: Final = options.UserPath(dir_okay=False)
STORE: Final = "wm-edge.sqlite"


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """What ``watch`` and ``camera`` share; the command hands it on to ``settings`` as it is."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


#: In the order of ``--help``.
_OPTIONS: Final = (
    click.option(
        "--store",
        multiple=True,
        type=_FILE,
        metavar="FILE.sqlite",
        help="Record in this SQLite file; of several, the first feeds the others.",
    ),
    click.option("--jsonl", multiple=True, type=_FILE, help="Append JSON lines; repeatable."),
    click.option("--csv", multiple=True, type=_FILE, help="Append to a CSV file; repeatable."),
    click.option(
        "--mqtt",
        multiple=True,
        metavar="URL",
        help="Publish to mqtt[s]://host[:port][/topic]; user and password come from "
        "WM_EDGE_MQTT_USERNAME and WM_EDGE_MQTT_PASSWORD. May be repeated.",
    ),
    click.option(
        "--fsync",
        type=click.Choice(("always", "never")),
        default="always",
        help="Force JSONL and CSV onto the disk after every batch, or leave it to the system.",
    ),
    options.model,
    review_options.review_options,
    options.patterns,
    options.backend,
    options.kernels,
    click.option("--name", help="Name of this station in the records; else the host's."),
    click.option(
        "--same",
        type=click.Choice(("name", "content")),
        default="name",
        help="What makes a file the same wafer as one before: its name and content, or its "
        "content under whatever name.",
    ),
    click.option(
        "--keep-maps",
        default="all",
        metavar="all|review|DAYS",
        help="Whose wafer maps the store keeps: of all, of those to review, or for some days.",
    ),
    click.option(
        "--metrics",
        metavar="[HOST:]PORT",
        help="Serve /metrics and /healthz there; on loopback unless HOST says otherwise.",
    ),
    click.option("--quiet", is_flag=True, help="Only warnings and errors on stderr."),
)


def settings(given: Mapping[str, Any], **source: Mapping[str, Any]) -> Settings:
    """Settings of the values of options, checked as those of a file are.

    Args:
        given: By the names of the options of ``common``.
        source: The one folder or camera, by the names of its keys.

    Raises:
        UsageError: a value makes no sense, or says nothing without another.
    """
    from dataclasses import astuple

    from edge.errors import UsageError
    from edge.station.settings import Settings
    from edge.system.typed import MismatchError, decode

    store, *copies = given["store"] or [_default_store(given)]
    costs = given["costs"]
    keys = ("name", "same", "keep_maps", "metrics")
    review = {"unfamiliar_above": given["unfamiliar"], "mixed_above": given["mixed"]}
    below = {name: least for one in given["below"] for name, least in one.items()}
    plain: dict[str, Any] = {
        "station": {"store": store, **_said({key: given[key] for key in keys})},
        "model": _said({"file": given["model"]} | {k: given[k] for k in ("backend", "kernels")}),
        "review": _said({"costs": costs and astuple(costs), "below": below, **review}),
        **({"patterns": {"folder": given["patterns"]}} if given["patterns"] else {}),
        "sink": [
            *({"kind": "store", "file": file} for file in copies),
            *(
                {"kind": kind, "file": file, "fsync": given["fsync"]}
                for kind in ("jsonl", "csv")
                for file in given[kind]
            ),
            *({"kind": "mqtt", "url": url} for url in given["mqtt"]),
        ],
        **{kind: [_said(told)] for kind, told in source.items()},
    }
    try:
        return decode(Settings, plain)
    except MismatchError as error:
        *_, key = (step for step in error.place if isinstance(step, str))
        parameters = click.get_current_context().command.params
        named = {
            each.name: each.opts[0] if isinstance(each, click.Option) else each.human_readable_name
            for each in parameters
        }
        option = named.get(key, f"--{key.replace('_', '-')}")
        raise UsageError(f"{option} {error.what}") from None


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are there."""
    return {key: value for key, value in values.items() if value not in (None, "")}


def _default_store(given: Mapping[str, Any]) -> Path:
    """The memory of a file of results lies beside it."""
    files: list[Path] = [*given["jsonl"], *given["csv"]]
    return files[0].with_name(f"{files[0].name}.sqlite") if files else Path(STORE)


def work(settings: Settings, *, quiet: bool) -> int:
    """Run a station until it is told to stop, or until its sources have ended.

    Returns:
        Exit code: 0, or 1 where the sources ended and some inputs, or a source, could not be read,
        a file could not be put away, or a sink has not got everything.
    """
    import logging
    import threading
    from contextlib import ExitStack, closing

    from edge.station import log_format
    from edge.station.ending import signals
    from edge.station.relay import Relay, relayed
    from edge.station.settings import listen_on
    from edge.station.station import Station

    log_format.setup(logging.WARNING if quiet else logging.INFO)
    log = logging.getLogger("edge.cli")
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(signals(stop))
        outputs = [stack.enter_context(relayed(2, "stderr"))]
        show = None
        if not quiet and options.is_terminal(sys.stdout):
            terminal = Relay("stdout", sys.stdout.fileno())
            outputs.append(stack.enter_context(closing(terminal)))
            several = sum(len(folder.tops) for folder in settings.folders) > 1
            show = _table(terminal.input, several=several)
        server, address = None, settings.station.metrics
        if address is not None:
            from edge.station.http import listening, serving

            host, port = listen_on(address)
            server = stack.enter_context(listening(host, port))
        station = Station(settings, show, stop)
        station.outputs = outputs
        if server:
            stack.enter_context(serving(station, server))
            log.info("metrics: http://%s:%d/metrics", host, server.server_port)
        _announce(log, station)
        station.run()
        log.info("%s", station.counters.summary())
    # To be told to stop is the usual end of a station, whatever it met in its life.
    if stop.is_set():
        return 0
    return 1 if station.counters.errors or station.failed or not station.is_complete else 0


def _table(descriptor: int, *, several: bool) -> Callable[[Sequence[dict[str, Any]]], None]:
    """A table on the terminal that grows with every wafer, by the names below watched folders.

    Args:
        descriptor: The terminal's.
        several: Several folders are watched: the name of each belongs to it.
    """
    from edge.results.line_stream import Stream
    from edge.results.table import TableSink

    encoding = sys.stdout.encoding
    table = TableSink(Stream(descriptor, "standard output", interactive=True, encoding=encoding))

    def show(records: Sequence[dict[str, Any]]) -> None:
        for record in records:
            file = record.get("file") or record["source"]
            if several and file != record["source"]:
                top = Path(record["source"].removesuffix(file))
                file = str(Path(top.name, file))
            table.write({**record, "source": file})

    return show


def _announce(log: Any, station: Station) -> None:
    if patterns := station.settings.patterns:
        log.info("patterns %s: %s", patterns.folder, ", ".join(station.own_patterns) or "none yet")
    places = [str(station.settings.station.store), *station.delivery.shown]
    for source in station.sources:
        if source.trouble():  # is said when it is waited for
            continue
        log.info("%s: taking wafers from it", source.name)
    ends = "" if any(folder.once for folder in station.settings.folders) else " (Ctrl-C ends)"
    log.info("recording into %s%s", ", ".join(places), ends)
