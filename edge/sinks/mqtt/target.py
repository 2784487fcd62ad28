"""Which MQTT broker, under which topics, and who the station is to it: checked at the start.

The target stands on the command line, where everybody on the machine can read it; what must stay
secret comes from the environment.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from edge.errors import UsageError

USERNAME: Final = "WM_EDGE_MQTT_USERNAME"
PASSWORD: Final = "WM_EDGE_MQTT_PASSWORD"  # noqa: S105
CA: Final = "WM_EDGE_MQTT_CA"
CERTIFICATE: Final = "WM_EDGE_MQTT_CERT"
KEY: Final = "WM_EDGE_MQTT_KEY"

_HELP: Final = "write mqtt://HOST[:PORT][/TOPIC/PREFIX] or mqtts://HOST[:PORT][/TOPIC/PREFIX]"
#: Bytes of a prefix; MQTT allows a topic 65,535, some brokers far less.
_MAX_PREFIX: Final = 200
#: Bytes of a user name or password, by MQTT.
_MAX_FIELD: Final = 65535


class Scheme(str, Enum):
    """How a broker is spoken to."""

    PLAIN = "mqtt"
    TLS = "mqtts"

    @property
    def port(self) -> int:
        """The port that is meant where none is named."""
        return 8883 if self is Scheme.TLS else 1883


class Topic(str, Enum):
    """What stands behind the prefix."""

    RESULTS = "results"
    ERRORS = "errors"
    AVAILABILITY = "availability"
    MODEL = "model"
    ALARMS = "alarms"


@dataclass(frozen=True)
class Target:
    """A broker and the topics there.

    Attributes:
        scheme: With TLS or without.
        host: Name or address, without brackets.
        port: 1 to 65535.
        prefix: Levels joined by ``/``, none of them empty.
    """

    scheme: Scheme
    host: str
    port: int
    prefix: str

    @property
    def broker(self) -> str:
        """``host:port``, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        """The same for every spelling of the same target."""
        return f"{self.scheme.value}://{self.broker}/{self.prefix}"

    def topic(self, leaf: Topic) -> str:
        """The whole topic."""
        return f"{self.prefix}/{leaf.value}"


def parse(text: str, station: str) -> Target:
    """Read a target.

    Args:
        text: As the user wrote it.
        station: Makes the prefix where the text has none; anything that is not fit is replaced.

    Raises:
        UsageError: it is no target. The message quotes nothing that could be a password.
    """
    # Anywhere, not only before the host: a password with "/" in it moves its "@" into the path.
    if "@" in text:
        raise UsageError(
            "MQTT target: user name and password do not belong in the URL, where other users of "
            f"this machine can read them (nor may a topic have an @); set {USERNAME} and {PASSWORD}"
        )
    try:
        parts = urlsplit(text)
    except ValueError:
        raise UsageError(f"MQTT target: no usable host; {_HELP}, IPv6 in brackets") from None
    try:
        scheme = Scheme(parts.scheme)
    except ValueError:
        raise UsageError(
            f"MQTT target: the URL must begin with mqtt:// or mqtts://; {_HELP}"
        ) from None
    if "?" in text or "#" in text:
        raise UsageError(f"MQTT target: ? and # have no place in it; {_HELP}")
    return Target(scheme, _host(parts), _port(parts, scheme), _prefix(parts.path, station))


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        host.encode("idna")
        if ":" in host:
            ipaddress.IPv6Address(host)
    except ValueError:
        host = ""
    if not host or not host.isprintable() or " " in host:
        raise UsageError(f"MQTT target: no usable host; {_HELP}, IPv6 in brackets")
    return host


def _port(parts: SplitResult, scheme: Scheme) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise UsageError(
            f"MQTT target: the port must be a number from 1 to 65535 (without one: {scheme.port})"
        )
    return scheme.port if port is None else port


def _prefix(path: str, station: str) -> str:
    path = path.removeprefix("/").removesuffix("/")
    if not path:
        return f"wm-edge/{topic_level(station)}"
    try:
        prefix = unquote(path, errors="strict")
        size = len(prefix.encode("utf-8"))
    except UnicodeError:
        raise UsageError(
            "MQTT target: the topic prefix is not valid UTF-8; write it anew"
        ) from None
    if any(char in "+#" or not char.isprintable() for char in prefix):
        what = "MQTT target: the topic prefix has a wildcard (+ or #) or a control character"
        raise UsageError(f"{what}; results go to one topic, so name it in full")
    if "" in prefix.split("/"):
        raise UsageError("MQTT target: the topic prefix has an empty level (//); leave one / out")
    if size > _MAX_PREFIX:
        raise UsageError(
            f"MQTT target: the topic prefix has {size} bytes; use at most {_MAX_PREFIX}"
        )
    return prefix


def topic_level(text: str) -> str:
    """The text as one level of a topic: what that cannot hold replaced, at most 60 characters."""
    kept = "".join(
        char if char.isprintable() and char not in "+#/" else "-" for char in text.strip()
    )
    return kept[:60] or "station"


@dataclass(frozen=True)
class Access:
    """Who the station is to the broker, and whom it trusts.

    Attributes:
        username: None: nobody in particular. Never shown, like the password.
        password: None: none.
        ca: Certificates of the authorities that are trusted; None: those of the system.
        certificate: The station's own certificate; None: none.
        key: Its key; None: stands in the certificate's file.
    """

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Access:
        """Read the variables; an empty one counts as not set.

        Raises:
            UsageError: they do not fit together, or a file is not there. The message names the
                variable, never the value of a secret one.
        """
        username, password = _secret(environment, USERNAME), _secret(environment, PASSWORD)
        if password is not None and username is None:
            raise UsageError(f"{PASSWORD} is set, but {USERNAME} is not; set both")
        ca, certificate, key = (_file(environment, name) for name in (CA, CERTIFICATE, KEY))
        if key is not None and certificate is None:
            raise UsageError(f"{KEY} is set, but {CERTIFICATE} is not; set both")
        return cls(username, password, ca, certificate, key)

    def tls_context(self) -> ssl.SSLContext:
        """What TLS needs; reads the files anew, so that renewed certificates are picked up.

        Raises:
            UsageError: a file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            what = f"{CA}: {self.ca} holds no certificate that can be read ({_short(error)})"
            raise UsageError(f"{what}; give a PEM file") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _ClosingSocket
        if self.certificate is not None:
            try:
                # Without a password at hand OpenSSL would ask for one on the terminal, and wait.
                context.load_cert_chain(self.certificate, self.key, password="")
            except OSError as error:
                raise UsageError(
                    f"{CERTIFICATE}, {KEY}: {self.certificate} and its key cannot be used "
                    f"({_short(error)}); give PEM files that belong together, the key not encrypted"
                ) from error
        return context


class _ClosingSocket(ssl.SSLSocket):
    """Lets go of its file descriptor when the handshake fails; the client library would keep it."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _secret(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name) or None
    if value is not None:
        # The codec's own error would carry the value along.
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > _MAX_FIELD or any("\ud800" <= char <= "\udfff" for char in value):
            raise UsageError(f"{name} is too long or not valid UTF-8; set it anew")
    return value


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    if not value:
        return None
    path = Path(value)
    try:
        path.open("rb").close()
    except OSError as error:
        what = f"{name}: {path} cannot be read ({_short(error)})"
        raise UsageError(f"{what}; name a PEM file that this user can read") from error
    return path


def _short(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM data in it").lower().replace("_", " ")
    return error.strerror or type(error).__name__
