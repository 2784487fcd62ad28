"""Results on a real broker: nothing lost, whatever is killed when; and who may not come in."""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.errors import OutputError
from edge.sinks.durable_sink import RecordRefusedError
from edge.sinks.mqtt.link import Link
from edge.sinks.mqtt.sink import MqttSink, open_durable
from edge.sinks.mqtt.target import Topic
from edge.store.models import ModelNote
from edge.store.names import Cursor
from edge.wafer.patterns import WM811K, PatternSet
from tests.support import broker as brokers
from tests.support import certificates
from tests.support.broker import Broker, Subscriber, free_port, wait_until
from tests.support.certificates import Authority, Pair

pytestmark = pytest.mark.skipif(brokers.program() is None, reason=brokers.MISSING)

SECRET = "hunter2-do-not-show"  # noqa: S105


OWN = PatternSet(
    ("a/b+c", "#", '"\N{CJK UNIFIED IDEOGRAPH-6E90}"'), "#", hints={"#": "all is well"}
)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD", "CA", "CERT", "KEY"):
        monkeypatch.delenv(f"WM_EDGE_MQTT_{name}", raising=False)


@pytest.fixture(name="broker")
def _broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as running:
        yield running


def result(number: int, source: str = "w.png") -> dict[str, Any]:
    return {"id": f"store-{number}", "source": source, "pattern": "Loc", "probability": 0.75}


def error(number: int) -> dict[str, Any]:
    return {"id": f"store-{number}", "source": "bad.png", "error": "half a file", "kind": "empty"}


def sink_for(broker: Broker, *, timeout: float = 5.0) -> MqttSink:
    return open_durable(f"{broker.url}/fab/st-7", station="st-7", timeout=timeout)


def refusal(sink: MqttSink) -> OutputError:
    """What opening raises, which must not work; holds all frames, and so what they left open."""
    with pytest.raises(OutputError) as caught:
        sink.open(Cursor(3))
    return caught.value


def why_not(sink: MqttSink) -> str:
    """What opening says, which must not work."""
    return str(refusal(sink))


def open_files() -> int:
    # What earlier tests left to the collector shall not go away in the middle of counting.
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def payloads(subscriber: Subscriber) -> list[bytes]:
    return [message.payload for message in subscriber.messages("fab/st-7/availability")]


def ended_badly(broker: Broker) -> bool:
    """Whether a station went away without a good-bye."""
    return re.search(r"wm-edge-\S+ closed its connection", broker.log.read_text()) is not None


def test_results_and_errors_arrive_in_order(broker: Broker) -> None:
    sink = sink_for(broker)
    with Subscriber(broker, retain_as_published=True) as subscriber:
        assert sink.open(Cursor(4)) == Cursor(4)
        assert sink.send([result(5), error(1), result(6, "broken\udcff.png")]) == Cursor(6)
        assert sink.send([result(number) for number in range(7, 400)]) == Cursor(399)
        results = subscriber.wait(395, "fab/st-7/results")
        assert [message.record["id"] for message in results] == [
            f"store-{number}" for number in range(5, 400)
        ]
        assert results[0].record == result(5)
        assert results[1].record["source"] == "broken?.png"
        assert [message.record for message in subscriber.wait(1, "fab/st-7/errors")] == [error(1)]
        # Sent as QoS 1 and not to be kept; availability as QoS 1 and to be kept.
        assert {(message.qos, message.retain) for message in subscriber.messages("s")} == {
            (1, False)
        }
        said = subscriber.wait(1, "availability")
        assert {(message.qos, message.retain) for message in said} == {(1, True)}
        sink.close()


def test_a_few_records_at_a_time_are_quick(broker: Broker) -> None:
    """Two TCP stacks that wait for each other would cost 40 ms a time, 2 s in all."""
    sink = sink_for(broker)
    sink.open(Cursor())
    before = time.monotonic()
    for first in range(1, 351, 7):
        sink.send([result(number) for number in range(first, first + 7)])
    assert time.monotonic() - before < 1.5
    sink.close()


def test_sending_nothing_leaves_the_mark(broker: Broker) -> None:
    sink = sink_for(broker)
    sink.open(Cursor(4))
    assert sink.send([]) == Cursor(4)
    sink.close()


def test_availability_is_kept_for_who_comes_later(broker: Broker) -> None:
    sink = sink_for(broker)
    sink.open(Cursor())
    with Subscriber(broker) as late:
        kept = late.wait(1, "fab/st-7/availability")
        assert (kept[0].payload, kept[0].retain) == (b"online", True)
        before = time.monotonic()
        sink.close()
        assert time.monotonic() - before < 1
        late.wait(2, "fab/st-7/availability")
        assert payloads(late) == [b"online", b"offline"]
    with Subscriber(broker) as later:
        assert later.wait(1)[0].retain
        assert payloads(later) == [b"offline"]
    assert not ended_badly(broker)


def test_closing_twice_or_unopened_is_quiet(broker: Broker) -> None:
    sink = sink_for(broker)
    sink.close()
    sink.open(Cursor())
    sink.close()
    sink.close()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_station_is_offline(broker: Broker, ending: signal.Signals) -> None:
    code = (
        "import sys, time; from edge.sinks.mqtt.sink import open_durable; "
        "from edge.store.names import Cursor; s = open_durable(sys.argv[1]); "
        "s.open(Cursor()); time.sleep(60)"
    )
    with (
        Subscriber(broker) as subscriber,
        subprocess.Popen([sys.executable, "-c", code, f"{broker.url}/fab/st-7"]) as station,
    ):
        subscriber.wait(1, "availability")
        station.send_signal(ending)
        subscriber.wait(2, "availability")
        assert payloads(subscriber) == [b"online", b"offline"]


def test_a_new_connection_takes_the_dead_ones_place(broker: Broker) -> None:
    """The broker must not say ``offline`` for the old one after the new one is ``online``."""
    sink = sink_for(broker)
    with Subscriber(broker) as subscriber:
        sink.open(Cursor())
        # A cut cable: the broker does not hear that the old connection is over.
        forgotten, sink._link = sink._link, None
        sink.open(Cursor())
        subscriber.wait(3, "availability")
        assert payloads(subscriber) == [b"online", b"offline", b"online"]
        assert forgotten is not None
        with pytest.raises(OutputError, match="another client took over"):
            forgotten.pump(5)
        forgotten.drop()
        sink.idle(0)
        sink.close()


def test_online_is_said_again_after_a_while(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sinks.mqtt.sink._SAY_AGAIN", 0.05)
    sink = sink_for(broker)
    with Subscriber(broker) as subscriber:
        sink.open(Cursor())
        sink.idle(0.1)
        sink.idle(0.1)
        sink.idle(0.1)
        sink.close()
        subscriber.wait(3, "availability")
        assert payloads(subscriber) == [b"online", b"online", b"offline"]


def test_no_record_is_lost_when_the_broker_is_killed(broker: Broker) -> None:
    sink = sink_for(broker)
    records = [result(number) for number in range(1, 1501)]
    marks: list[int] = []

    def station() -> None:
        mark, is_open = Cursor(), False
        while mark.delivered < len(records):
            try:
                if not is_open:
                    mark, is_open = sink.open(mark), True
                mark = sink.send(records[mark.delivered : mark.delivered + 7])
                marks.append(mark.delivered)
            except OutputError:
                is_open = False
                time.sleep(0.1)
                # What is acknowledged while nobody reads, a broker without a disk forgets.
                subscriber.wait_ready()
        sink.close()

    with Subscriber(broker, qos=0) as subscriber:
        thread = threading.Thread(target=station, daemon=True)
        thread.start()
        for so_far in (300, 900):
            wait_until(lambda so_far=so_far: bool(marks) and marks[-1] >= so_far, "progress")  # type: ignore[misc]
            subscriber.lost()
            # Stopped first: what the sink sends meanwhile is in the network, and gone.
            with broker.stopped():
                time.sleep(0.1)
                broker.kill()
            time.sleep(0.2)
            broker.start()
            subscriber.wait_ready()
        thread.join(brokers.PATIENCE)
        assert not thread.is_alive()
        wait_until(lambda: payloads(subscriber)[-1] == b"offline", "the good-bye")
        arrived = {message.record["id"] for message in subscriber.messages("results")}
    assert marks == sorted(marks)
    assert {record["id"] for record in records} - arrived == set()


def test_idle_notices_at_once_that_the_broker_is_gone(broker: Broker) -> None:
    sink = sink_for(broker)
    sink.open(Cursor())
    sink.idle(0)
    killer = threading.Timer(0.2, broker.kill)
    killer.start()
    before = time.monotonic()
    with pytest.raises(OutputError, match=rf"127\.0\.0\.1:{broker.port}: connection lost"):
        sink.idle(10)
    assert time.monotonic() - before < 3
    killer.join()
    with pytest.raises(OutputError, match="not connected"):
        sink.send([result(1)])
    assert "connection refused" in why_not(sink)


def test_silence_of_the_broker_is_noticed(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.sinks.mqtt.link.KEEPALIVE", 1)
    sink = sink_for(broker, timeout=0.5)
    sink.open(Cursor())
    sink.idle(1.5)
    assert "PINGREQ" in broker.log.read_text()
    with broker.stopped():
        before = time.monotonic()
        with pytest.raises(OutputError, match="connection lost"):
            sink.idle(10)
        assert 0.5 < time.monotonic() - before < 8
    sink.open(Cursor())
    with broker.stopped():
        before = time.monotonic()
        with pytest.raises(OutputError, match=r"no acknowledgement of record store-1 for 0\.5 s"):
            sink.send([result(1), result(2)])
        assert time.monotonic() - before < 3
    sink.open(Cursor())
    with broker.stopped():
        before = time.monotonic()
        sink.close()
        assert time.monotonic() - before < 1.2


def test_the_broker_says_how_much_it_takes(tmp_path: Path) -> None:
    with (
        Broker(tmp_path, lines=("max_inflight_messages 3", "max_packet_size 2000")) as broker,
        Subscriber(broker) as subscriber,
    ):
        sink = sink_for(broker)
        sink.open(Cursor())
        assert sink.send([result(number) for number in range(1, 101)]) == Cursor(100)
        with pytest.raises(RecordRefusedError, match=r"it has [\d,]+ bytes .* 2,000") as refused:
            sink.send([result(101), result(102, "w" * 2000), result(103)])
        assert refused.value.id == "store-102"
        assert sink.send([result(103)]) == Cursor(103), "it takes others, without being opened anew"
        sink.close()
        kept = [message.record["id"] for message in subscriber.wait(102, "results")]
        assert kept[-2:] == ["store-101", "store-103"]


def test_a_broker_gets_no_more_at_once_than_it_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        unanswered = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as packets:
                while kind := packets.read(1):
                    content = packets.read(packets.read(1)[0])
                    if kind[0] == 0x10:
                        # All is well, and at most two messages that are not acknowledged.
                        connection.sendall(b"\x20\x06\x00\x00\x03\x21\x00\x02")
                    elif b"online" in content:
                        connection.sendall(b"\x40\x02\x00\x01")
                    else:
                        unanswered.append(content)

        thread = threading.Thread(target=serve)
        thread.start()
        sink = open_durable(f"mqtt://127.0.0.1:{server.getsockname()[1]}/a", timeout=0.3)
        sink.open(Cursor())
        with pytest.raises(OutputError, match="no acknowledgement of record store-1"):
            sink.send([result(number) for number in range(1, 10)])
        thread.join()
    assert len(unanswered) == 2


def test_a_refused_record_is_not_taken_for_delivered(tmp_path: Path) -> None:
    rights = "topic write fab/st-7/availability\ntopic write fab/st-7/results\n"
    with Broker(tmp_path, rights=rights) as broker:
        sink = sink_for(broker)
        sink.open(Cursor())
        assert sink.send([result(1)]) == Cursor(1)
        with pytest.raises(OutputError, match="record store-2 was refused: not authorised"):
            sink.send([error(2), result(3)])
        refused = open_durable(f"{broker.url}/elsewhere")
        assert "not authorised" in why_not(refused)


def test_the_model_file_is_kept_for_who_comes_later(broker: Broker) -> None:
    for patterns in (OWN, WM811K):
        note = ModelNote("ab" * 32, "own@abab", "own.tflite", "cd" * 32, patterns, "now", "now")
        sink = open_durable(f"{broker.url}/fab/st-7", station="st-7", model=note)
        sink.open(Cursor())
        sink.close()
        with Subscriber(broker) as later:
            (told,) = later.wait(1, "fab/st-7/model")
        assert told.retain
        assert told.record == {**note.as_dict(), "station": "st-7"}


def test_a_broker_that_wants_no_model_file_gets_the_records(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rights = "topic write fab/st-7/availability\ntopic write fab/st-7/results\n"
    note = ModelNote("ab" * 32, "own@abab", "own.tflite", "cd" * 32, OWN, "now", "now")
    with Broker(tmp_path, rights=rights) as broker:
        sink = open_durable(f"{broker.url}/fab/st-7", station="st-7", model=note)
        sink.open(Cursor())
        assert sink.send([result(1)]) == Cursor(1)
        sink.close()
    assert "fab/st-7/model was refused: not authorised" in caplog.text


def test_a_broker_that_goes_away_over_the_model_file_gets_the_records(
    monkeypatch: pytest.MonkeyPatch, broker: Broker
) -> None:
    """Some close the connection where a client has no right to a topic."""
    note = ModelNote("ab" * 32, "own@abab", "own.tflite", "cd" * 32, OWN, "now", "now")
    sink = open_durable(f"{broker.url}/fab/st-7", station="st-7", model=note)

    publish = Link.publish

    def lost(link: Link, topic: Topic, *rest: Any, **more: Any) -> None:
        if topic is Topic.MODEL:
            raise link._lost()
        publish(link, topic, *rest, **more)

    monkeypatch.setattr(Link, "publish", lost)
    for _ in range(3):
        assert "connection lost" in why_not(sink)
    sink.open(Cursor())
    assert sink.send([result(1)]) == Cursor(1)
    sink.close()
    with Subscriber(broker) as later:
        later.wait(1, "fab/st-7/availability")
        assert later.messages("fab/st-7/model") == []


def test_failing_to_open_leaves_nothing_behind(broker: Broker) -> None:
    sink = sink_for(broker, timeout=1)
    sink.open(Cursor())
    sink.close()
    before, threads = open_files(), threading.active_count()
    for _ in range(5):
        sink.open(Cursor())
    sink.close()
    broker.kill()
    failures = [refusal(sink) for _ in range(20)]
    assert all("connection refused" in str(failure) for failure in failures)
    assert open_files() <= before
    assert threading.active_count() <= threads


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_a_silent_port_is_left_in_time(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        sink = open_durable(f"{scheme}://127.0.0.1:{port}/a", timeout=0.5)
        files = open_files()
        before = time.monotonic()
        failure = refusal(sink)
        assert time.monotonic() - before < 1.5
        assert f"127.0.0.1:{port}" in str(failure)
        assert "timed out" in str(failure)
        assert open_files() <= files


def test_a_host_that_swallows_packets_is_left_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # Linux drops what comes to a full queue, as a firewall does.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        sink = open_durable(f"mqtt://127.0.0.1:{full.getsockname()[1]}/a", timeout=0.5)
        before = time.monotonic()
        assert "timed out" in why_not(sink)
        assert time.monotonic() - before < 1.5
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff"]
)
def test_something_that_is_no_broker(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        sink = open_durable(f"mqtt://127.0.0.1:{server.getsockname()[1]}/a", timeout=2)
        assert "is this an MQTT broker" in why_not(sink)
        thread.join()


def test_a_broker_that_knows_mqtt_3_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"\x20\x02\x00\x01")

        thread = threading.Thread(target=serve)
        thread.start()
        sink = open_durable(f"mqtt://127.0.0.1:{server.getsockname()[1]}/a", timeout=2)
        assert "does not speak MQTT 5" in why_not(sink)
        thread.join()


def test_user_name_and_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if brokers.password_program() is None:
        pytest.skip("mosquitto_passwd is not installed: no password file")
    caplog.set_level(logging.DEBUG)
    with Broker(tmp_path, users={"station": SECRET}) as broker:
        said = [why_not(sink_for(broker))]
        monkeypatch.setenv("WM_EDGE_MQTT_USERNAME", "station")
        monkeypatch.setenv("WM_EDGE_MQTT_PASSWORD", f"not-{SECRET}")
        wrong = sink_for(broker)
        said.append(why_not(wrong))
        assert all("user name or password wrong" in text for text in said)
        assert all("WM_EDGE_MQTT_PASSWORD" in text for text in said)
        monkeypatch.setenv("WM_EDGE_MQTT_PASSWORD", SECRET)
        right = sink_for(broker)
        right.open(Cursor())
        assert right.send([result(1)]) == Cursor(1)
        broker.kill()
        with pytest.raises(OutputError) as caught:
            right.idle(5)
    shown = [*said, str(caught.value), caplog.text, repr(wrong), repr(right), right.name]
    assert not any(SECRET in text for text in shown)


@dataclass(frozen=True)
class Certificates:
    ca: Path
    good: Pair
    elsewhere: Pair
    expired: Pair
    stranger: Pair
    stranger_ca: Path


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if not certificates.available():
        pytest.skip(certificates.MISSING)
    folder = tmp_path_factory.mktemp("certificates")
    ours, theirs = Authority(folder / "ours"), Authority(folder / "theirs", "somebody else")
    here = "DNS:localhost,IP:127.0.0.1"
    return Certificates(
        ca=ours.certificate,
        good=ours.sign("good", here),
        elsewhere=ours.sign("elsewhere", "DNS:broker.example"),
        expired=ours.sign("expired", here, days=-1),
        stranger=theirs.sign("stranger", here),
        stranger_ca=theirs.certificate,
    )


def tls_sink(broker: Broker, host: str = "localhost") -> MqttSink:
    return open_durable(f"mqtts://{host}:{broker.port}/fab/st-7", timeout=5)


def test_tls(made: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WM_EDGE_MQTT_CA", str(made.ca))
    with Broker(tmp_path, tls=made.good) as broker:
        for host in ("localhost", "127.0.0.1"):
            sink = tls_sink(broker, host)
            sink.open(Cursor())
            assert sink.send([result(number) for number in range(1, 301)]) == Cursor(300)
            sink.idle(0.05)
            sink.close()
        assert not ended_badly(broker)
        plain = open_durable(f"mqtt://127.0.0.1:{broker.port}/a", timeout=5)
        assert "without TLS" in why_not(plain)
    with Broker(tmp_path) as without:
        assert "its port for TLS" in why_not(tls_sink(without))


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ("stranger", "unable to get local issuer certificate|self.signed certificate"),
        ("elsewhere", "Hostname mismatch"),
        ("expired", "has expired"),
    ],
)
def test_a_certificate_that_is_not_valid(
    which: str, says: str, made: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WM_EDGE_MQTT_CA", str(made.ca))
    with Broker(tmp_path, tls=getattr(made, which)) as broker:
        sink = tls_sink(broker)
        with pytest.raises(OutputError, match=f"certificate is not valid: .*({says})"):
            sink.open(Cursor())
        files = open_files()
        failures = [refusal(sink) for _ in range(3)]
        assert all(f"localhost:{broker.port}" in str(failure) for failure in failures)
        assert open_files() <= files


def test_the_systems_authorities_do_not_know_ours(made: Certificates, tmp_path: Path) -> None:
    with Broker(tmp_path, tls=made.good) as broker:
        said = why_not(tls_sink(broker))
    assert "certificate is not valid" in said
    assert "WM_EDGE_MQTT_CA" in said


def test_a_certificate_of_the_station(
    made: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WM_EDGE_MQTT_CA", str(made.ca))
    lines = (f"cafile {made.ca}", "require_certificate true")
    with Broker(tmp_path, tls=made.good, lines=lines) as broker:
        assert "WM_EDGE_MQTT_CERT" in why_not(tls_sink(broker))
        monkeypatch.setenv("WM_EDGE_MQTT_CERT", str(made.elsewhere.certificate))
        monkeypatch.setenv("WM_EDGE_MQTT_KEY", str(made.elsewhere.key))
        sink = tls_sink(broker)
        sink.open(Cursor())
        assert sink.send([result(1)]) == Cursor(1)
        sink.close()


def test_nothing_listens() -> None:
    port = free_port()
    sink = open_durable(f"mqtt://localhost:{port}/a", timeout=2)
    assert why_not(sink).startswith(f"MQTT broker localhost:{port}: connection refused")
