"""Targets of MQTT, what the environment says, and what never shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import OutputError, UsageError
from edge.sinks.mqtt.sink import open_durable, payload
from edge.sinks.mqtt.target import Access, Scheme, Target, Topic, parse, topic_level
from edge.sinks.settings import MqttSettings
from edge.store.names import Cursor

SECRET = "hunter2-do-not-show"  # noqa: S105


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD", "CA", "CERT", "KEY"):
        monkeypatch.delenv(f"WM_EDGE_MQTT_{name}", raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt://broker", Target(Scheme.PLAIN, "broker", 1883, "wm-edge/st-7")),
        ("mqtt://broker/", Target(Scheme.PLAIN, "broker", 1883, "wm-edge/st-7")),
        ("MQTTS://Broker.Fab", Target(Scheme.TLS, "broker.fab", 8883, "wm-edge/st-7")),
        ("mqtts://10.0.0.1:18883/a", Target(Scheme.TLS, "10.0.0.1", 18883, "a")),
        ("mqtt://[::1]:1884/a/b/", Target(Scheme.PLAIN, "::1", 1884, "a/b")),
        ("mqtt://[fe80::1%eth0]/a", Target(Scheme.PLAIN, "fe80::1%eth0", 1883, "a")),
        ("mqtt://broker/Halle%204/ä", Target(Scheme.PLAIN, "broker", 1883, "Halle 4/ä")),
    ],
)
def test_a_target_is_read(text: str, expected: Target) -> None:
    assert parse(text, "st-7") == expected


def test_topics_and_names() -> None:
    target = parse("mqtt://[::1]/fab/line", "s")
    assert target.topic(Topic.RESULTS) == "fab/line/results"
    assert target.topic(Topic.AVAILABILITY) == "fab/line/availability"
    assert target.broker == "[::1]:1883"
    assert target.name == "mqtt://[::1]:1883/fab/line"
    assert target.name == parse(target.name, "another").name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "mqtt:// or mqtts://"),
        ("broker:1883", "mqtt:// or mqtts://"),
        ("http://broker", "mqtt:// or mqtts://"),
        ("mqtt:broker", "no usable host"),
        ("mqtt://", "no usable host"),
        ("mqtt://:1883/a", "no usable host"),
        ("mqtt://a b/c", "no usable host"),
        (f"mqtt://{'a' * 70}/c", "no usable host"),
        ("mqtt://[::g]/c", "no usable host"),
        ("mqtt://[::1/c", "no usable host"),
        ("mqtt://.broker/c", "no usable host"),
        ("mqtt://broker:0", "1 to 65535"),
        ("mqtt://broker:65536", "1 to 65535"),
        ("mqtt://broker:mqtt", "1 to 65535"),
        ("mqtt://broker/a/+/b", "wildcard"),
        ("mqtt://broker/a/%23", "wildcard"),
        ("mqtt://broker/a/#", "? and #"),
        ("mqtt://broker/a?b=c", "? and #"),
        ("mqtt://broker/a%00b", "control character"),
        ("mqtt://broker/a//b", "empty level"),
        ("mqtt://broker//a", "empty level"),
        ("mqtt://broker/a//", "empty level"),
        ("mqtt://broker/%ff", "not valid UTF-8"),
        ("mqtt://broker/\udcff", "control character|not valid UTF-8"),
        (f"mqtt://broker/{'ä' * 101}", "202 bytes"),
    ],
)
def test_no_target(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        parse(text, "s")


@pytest.mark.parametrize(
    "text",
    [
        f"mqtt://me:{SECRET}@broker/a",
        f"mqtts://{SECRET}@broker",
        f"mqtt://me:1/{SECRET}@broker",
        f"mqtt://me:{SECRET}/{SECRET}@broker",
        f"http://me:{SECRET}@broker",
        f"mqtt://[me:{SECRET}@broker",
        f"mqtt://broker:{SECRET}",
        f"mqtt://broker/a?password={SECRET}",
        f"mqtt://broker/a#{SECRET}",
    ],
)
def test_a_secret_in_the_target_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_durable(text)
    assert SECRET not in str(caught.value)
    if "@" in text:
        assert "WM_EDGE_MQTT_PASSWORD" in str(caught.value)


@given(st.text())
def test_every_station_makes_one_level(station: str) -> None:
    level = topic_level(station)
    assert level
    assert not set(level) & set("+#/\0")
    level.encode("utf-8")
    assert parse("mqtt://broker", station).prefix == f"wm-edge/{level}"


@given(st.text())
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    for whole in (text, f"mqtt://{text}", f"mqtt://broker/{text}"):
        try:
            target = parse(whole, "s")
        except UsageError:
            continue
        assert 1 <= target.port <= 65535
        assert all(level and not set(level) & set("+#") for level in target.prefix.split("/"))


def test_its_settings_make_it_without_touching_the_broker() -> None:
    sink = MqttSettings("mqtt://nowhere.invalid/a").make("st 7")
    assert sink.name == "mqtt://nowhere.invalid:1883/a"
    with pytest.raises(OutputError, match="not connected"):
        sink.send([])
    with pytest.raises(OutputError, match="not connected"):
        sink.idle(0)
    sink.close()


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_is_a_time(timeout: float) -> None:
    with pytest.raises(UsageError, match="timeout"):
        open_durable("mqtt://broker", timeout=timeout)


def test_an_unknown_host_is_named() -> None:
    sink = open_durable("mqtt://nowhere.invalid/a", timeout=2.0)
    with pytest.raises(OutputError, match=r"nowhere\.invalid:1883: the host name is unknown"):
        sink.open(Cursor())


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PASSWORD": SECRET}, "WM_EDGE_MQTT_USERNAME"),
        ({"USERNAME": "me", "PASSWORD": f"{SECRET}\udcff"}, "not valid UTF-8"),
        ({"USERNAME": "me", "PASSWORD": SECRET * 5000}, "too long"),
        ({"USERNAME": f"{SECRET}\udcff", "PASSWORD": "x"}, "not valid UTF-8"),
        ({"CA": "/no/such/ca.pem"}, "WM_EDGE_MQTT_CA: /no/such/ca.pem cannot be read"),
        ({"CERT": "/no/such.pem"}, "WM_EDGE_MQTT_CERT: /no/such.pem cannot be read"),
        ({"KEY": __file__}, "WM_EDGE_MQTT_CERT is not"),
        ({"CA": __file__}, "no certificate that can be read"),
        ({"CERT": __file__}, "cannot be used"),
    ],
)
def test_a_wrong_environment(
    environment: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if any("\udcff" in value or len(value) > 10000 for value in environment.values()):
        whole = {f"WM_EDGE_MQTT_{name}": value for name, value in environment.items()}
        with pytest.raises(UsageError, match=says) as caught:
            Access.from_environment(whole)
    else:
        for name, value in environment.items():
            monkeypatch.setenv(f"WM_EDGE_MQTT_{name}", value)
        with pytest.raises(UsageError, match=says) as caught:
            open_durable("mqtts://broker")
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in repr(error)
        error = error.__cause__ or error.__context__


def test_an_empty_variable_is_not_set() -> None:
    names = ("USERNAME", "PASSWORD", "CA", "CERT", "KEY")
    assert Access.from_environment({f"WM_EDGE_MQTT_{name}": "" for name in names}) == Access()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WM_EDGE_MQTT_USERNAME", f"user-{SECRET}")
    monkeypatch.setenv("WM_EDGE_MQTT_PASSWORD", SECRET)
    sink = open_durable("mqtt://broker/a")
    access = Access(f"user-{SECRET}", SECRET, Path("ca.pem"))
    assert SECRET not in f"{sink!r} {sink} {sink.name} {access!r} {access}"


@pytest.mark.parametrize("source", ["w.png", "Wäfer 晶.png", "broken\udcff.png", "\ud83d.png"])
def test_a_payload_is_json_in_utf8(source: str) -> None:
    record: dict[str, Any] = {"id": "s-1", "source": source, "pattern": "Loc"}
    read = json.loads(payload(record).decode("utf-8", "strict"))
    assert read == {**record, "source": source.encode("utf-8", "replace").decode()}
