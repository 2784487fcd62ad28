"""Records that a broker will never take: what goes before and what follows goes on."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, final

import pytest

from edge.results.record import UNDELIVERABLE
from edge.sinks.mqtt.sink import MqttSink, open_durable
from edge.station import outbox as outboxes
from edge.station.outbox import Outbox
from edge.store.names import Cursor
from edge.store.store import Store
from tests.support import broker as brokers
from tests.support.broker import Broker, Subscriber
from tests.support.records import result
from tests.support.station import Running, drop, rows, wait_for

UNSPECIFIED: Final = 0x80
NOT_AUTHORISED: Final = 0x87
TOO_LARGE: Final = 0x95
BAD_FORMAT: Final = 0x99
SILENT: Final = -0x100


@final
class Picky:
    """A broker that takes what it likes, one connection after the other.

    Args:
        answer: Gets the number of a record, returns the reason code of its acknowledgement; a
            negative one closes the connection with it, ``SILENT`` without.
    """

    def __init__(self, answer: Callable[[int], int]) -> None:
        self.answer = answer
        self.taken: list[dict[str, Any]] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._server.getsockname()[1]}/a"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, connection.makefile("rb") as packets, suppress(OSError):
                    while kind := packets.read(1):
                        content = packets.read(_length(packets))
                        if kind[0] == 0x10:
                            connection.sendall(b"\x20\x03\x00\x00\x00")
                        elif kind[0] >> 4 == 3 and not self._take(connection, content):
                            break

    def _take(self, connection: socket.socket, content: bytes) -> bool:
        topic = int.from_bytes(content[:2], "big")
        number, message = content[2 + topic : 4 + topic], content[5 + topic :]
        code = 0
        if message.startswith(b"{"):
            record = json.loads(message)
            code = 0 if "error" in record else self.answer(int(record["id"].split("-")[1]))
            if not code:
                self.taken.append(record)
        if code == SILENT:
            return False
        if code < 0:
            connection.sendall(bytes([0xE0, 1, -code]))
            return False
        connection.sendall(b"\x40\x03" + number + bytes([code]))
        return True


def _length(packets: Any) -> int:
    size = shift = 0
    while True:
        byte = packets.read(1)[0]
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size
        shift += 7


@pytest.fixture(name="store")
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(outboxes, "FIRST_PAUSE", 0.01)
    with closing(Store(tmp_path / "s.sqlite")) as store:
        store.add([result(number) for number in range(1, 11)])
        yield store


def fed(store: Store, sink: MqttSink) -> Outbox:
    outbox = Outbox(sink, store.path, Cursor(), store.last)
    outbox.start()
    return outbox


def ended(outbox: Outbox) -> Outbox:
    outbox.stop()
    outbox.join()
    return outbox


@pytest.mark.parametrize(
    # The client library knows no acknowledgement of the first kind, though brokers send it.
    "code",
    [TOO_LARGE, BAD_FORMAT, UNSPECIFIED, -TOO_LARGE, -BAD_FORMAT, SILENT],
)
def test_one_record_is_refused_for_what_it_is(store: Store, code: int) -> None:
    with closing(Picky(lambda number: code if number == 5 else 0)) as broker:
        outbox = fed(store, open_durable(broker.url, timeout=5))
        wait_for(lambda: outbox.mark.delivered == 10, "everything")
        assert ended(outbox).refused == 1
    by_number = {int(record["id"].split("-")[1]): record for record in broker.taken}
    assert sorted(by_number) == list(range(1, 11))
    shortened = [number for number, record in by_number.items() if "error" in record]
    assert shortened == [5]
    assert by_number[5]["kind"] == UNDELIVERABLE
    assert by_number[5]["source"] == "in/w5.png"
    assert by_number[5]["verdict"] == "review", "what to do with the wafer is not lost"


@pytest.mark.parametrize("code", [NOT_AUTHORISED, UNSPECIFIED, -NOT_AUTHORISED])
def test_a_broker_that_takes_none_loses_none(store: Store, code: int) -> None:
    with closing(Picky(lambda _: code)) as broker:
        outbox = fed(store, open_durable(broker.url, timeout=5))
        wait_for(lambda: outbox.failure, "the failure said")
        time.sleep(0.3)
        assert (outbox.mark.delivered, broker.taken) == (0, [])
        broker.answer = lambda _: 0
        wait_for(lambda: outbox.mark.delivered == 10, "everything")
        assert ended(outbox).refused == 0
    assert [record["id"][-2:] for record in broker.taken][-1] == "10"
    assert not any("error" in record for record in broker.taken)


@pytest.mark.skipif(brokers.program() is None, reason=brokers.MISSING)
def test_a_real_broker_with_a_limit(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    deep = folder.joinpath(*(letter * 240 for letter in "abcdefg"))
    deep.mkdir(parents=True)
    store = tmp_path / "s.sqlite"
    with (
        Broker(tmp_path, lines=("max_packet_size 2500",)) as broker,
        Subscriber(broker) as subscriber,
    ):
        url = f"{broker.url}/fab"
        with Running(
            tmp_path, "watch", folder, "--store", store, "--mqtt", url, "--name", "st-7"
        ) as station:
            station.wait_ready()
            drop(folder, 1)
            subscriber.wait(1, "results")
            drop(deep, 2, "long.csv")
            wait_for(lambda: len(rows(store)) == 2, "both recorded")
            drop(folder, 3)
            refused = subscriber.wait(3, "results")[1].record
            assert refused["id"].endswith("-2")
            assert refused["kind"] == UNDELIVERABLE
            assert station.stop() == 0
            assert "a short form is delivered" in station.said()
