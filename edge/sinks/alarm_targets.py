"""Where alarms over lots go out to: a broker, a command, a webhook; each alarm one JSON object.

Each target says by an error that an alarm did not arrive: it is sent again with the next check.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.client import HTTPException
from typing import Any, Final, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from edge.camera.address import without_secrets
from edge.errors import OutputError, UsageError, why
from edge.results.jsonl import encode
from edge.sinks.settings import AlarmSettings
from edge.system.text import printable

#: Seconds for a broker or a server to answer, and for a command to end.
_ANSWER: Final = 10.0
_COMMAND: Final = 30.0

#: Behind the prefix of a station's own topics: another client speaks there.
_LEVEL: Final = "lots"


class AlarmTarget(Protocol):
    """Who gets alarms.

    Attributes:
        name: The same for the same target every time; holds no secret.
    """

    name: str

    def send(self, alarm: Mapping[str, Any]) -> None:
        """Hand an alarm over.

        Raises:
            OutputError: it has not arrived.
        """


def targets(settings: AlarmSettings, station: str) -> Iterator[AlarmTarget]:
    """Everybody who gets alarms; the station's name makes the topic where the URL has none.

    Raises:
        UsageError: a target cannot be right.
    """
    if settings.mqtt:
        yield _Broker(settings.mqtt, station)
    if settings.command:
        yield _Command(settings.command)
    if settings.webhook:
        yield _Webhook(settings.webhook)


class _Broker:
    def __init__(self, url: str, station: str) -> None:
        from edge.sinks.mqtt.target import Access, parse

        target = parse(url, station)
        self._target = replace(target, prefix=f"{target.prefix}/{_LEVEL}")
        self._access = Access.from_environment(os.environ)
        self.name = self._target.name

    def send(self, alarm: Mapping[str, Any]) -> None:
        from edge.sinks.mqtt.link import Link
        from edge.sinks.mqtt.target import Topic

        client = f"wm-edge-lots-{secrets.token_hex(4)}"
        link = Link(self._target, self._access, client, _ANSWER)
        try:
            label = f"alarm {alarm['id']}"
            link.publish(Topic.ALARMS, encode({**alarm}).encode("utf-8", "replace"), label)
            link.settle(_ANSWER)
            for what, reason in link.refused():
                broker = self._target.broker
                raise OutputError(f"MQTT broker {broker}: {what} was refused: {reason}")
        finally:
            link.close()


class _Command:
    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self.name = f"command {' '.join(command)}"

    def send(self, alarm: Mapping[str, Any]) -> None:
        content = encode({**alarm}).encode("utf-8", "replace")
        try:
            done = subprocess.run(  # noqa: S603 - whoever set up the station says what is run
                self._command, input=content, capture_output=True, timeout=_COMMAND, check=False
            )
        except subprocess.TimeoutExpired:
            what = f"did not end within {_COMMAND:g} s and was killed"
            raise OutputError(f"{self._command[0]}: {what}") from None
        except (OSError, ValueError) as error:
            raise OutputError(f"{self._command[0]}: cannot be run ({why(error)})") from error
        if done.returncode:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            said = f": {printable(last[0])}" if last else ""
            raise OutputError(f"{self._command[0]}: ended with {done.returncode}{said}")


class _NoRedirect(HTTPRedirectHandler):
    """An alarm goes where it was meant to go, or nowhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class _Webhook:
    def __init__(self, url: str) -> None:
        shown = without_secrets(url)
        try:
            parts = urlsplit(url)
            is_right = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            is_right = False
        if not is_right or not url.isascii() or not url.isprintable() or " " in url:
            raise UsageError(f"webhook {shown}: must be http://HOST/... or https://HOST/...")
        self._url, self._shown = url, shown
        # Its path may be a secret, and two of one host are two targets.
        self.name = f"{shown} {hashlib.sha256(url.encode()).hexdigest()[:12]}"

    def send(self, alarm: Mapping[str, Any]) -> None:
        content = encode({**alarm}).encode("utf-8", "replace")
        kind = {"Content-Type": "application/json"}
        request = Request(self._url, content, kind, method="POST")  # noqa: S310 - http alone
        try:
            with build_opener(_NoRedirect).open(request, timeout=_ANSWER):
                pass
        except HTTPError as error:
            raise OutputError(f"webhook {self._shown}: answered {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None)
            said = why(reason if isinstance(reason, OSError) else error)
            raise OutputError(f"webhook {self._shown}: cannot be reached ({said})") from None
