"""Alarms go out to real parts: a server, a program, a broker; what does not arrive is said."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge.errors import OutputError, UsageError
from edge.sinks.alarm_targets import AlarmTarget, targets
from edge.sinks.settings import AlarmSettings
from tests.support import broker

ALARM = {"id": 3, "rule": "limit", "said": "Löc: 9 of 25", "station": "s"}


def only(settings: AlarmSettings) -> AlarmTarget:
    (found,) = targets(settings, "line 3")
    return found


@contextmanager
def server(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers so, its address, and what it got."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/hook/s3cret", got
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def test_a_webhook_gets_an_alarm_by_post() -> None:
    with server(204) as (url, got):
        target = only(AlarmSettings(webhook=url))
        target.send(ALARM)
        assert "s3cret" not in target.name
        other = only(AlarmSettings(webhook=f"{url}2"))
        assert other.name != target.name
    assert [json.loads(one) for one in got] == [ALARM]
    with pytest.raises(OutputError, match="cannot be reached") as caught:
        target.send(ALARM)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_webhook_that_does_not_take_it_is_told_and_not_followed(status: int) -> None:
    with server(status) as (url, got), pytest.raises(OutputError, match=f"answered {status}"):
        only(AlarmSettings(webhook=url)).send(ALARM)
    assert len(got) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://", "x", "http://[", "http://a/ b"])
def test_what_is_no_webhook_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="must be http"):
        only(AlarmSettings(webhook=url))


def test_a_command_gets_it_on_its_standard_input(tmp_path: Path) -> None:
    code = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())"
    place = tmp_path / "a b; c"
    only(AlarmSettings(command=(sys.executable, "-c", code, str(place)))).send(ALARM)
    assert json.loads(place.read_bytes()) == ALARM


def test_a_command_that_fails_is_told_with_what_it_said() -> None:
    code = "import sys; sys.exit('no\\x1b way')"
    with pytest.raises(OutputError, match=r"ended with 1: no\? way"):
        only(AlarmSettings(command=(sys.executable, "-c", code))).send(ALARM)
    with pytest.raises(OutputError, match="cannot be run"):
        only(AlarmSettings(command=("/nowhere/at-all",))).send(ALARM)


def test_a_broker_gets_it_below_the_stations_topic(tmp_path: Path) -> None:
    if broker.program() is None:
        pytest.skip("no MQTT broker here")
    with broker.Broker(tmp_path) as running, broker.Subscriber(running) as reader:
        only(AlarmSettings(mqtt=running.url)).send(ALARM)
        broker.wait_until(lambda: bool(reader.messages("lots/alarms")), "the alarm")
        (message,) = reader.messages("lots/alarms")
        assert message.topic == "wm-edge/line 3/lots/alarms"
        assert message.record == ALARM
    with pytest.raises(OutputError, match="MQTT broker"):
        only(AlarmSettings(mqtt=running.url)).send(ALARM)
