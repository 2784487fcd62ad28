"""Why a broker cannot be used, in plain words with what to do: from errors and MQTT's numbers."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from edge.errors import OutputError
from edge.sinks.mqtt.target import CA, CERTIFICATE, PASSWORD, USERNAME, Scheme

_CREDENTIALS: Final = f"set {USERNAME} and {PASSWORD}, and look into the broker's list of users"
_BACK_OFF: Final = "wait before connecting again"
#: Refusals for what a message is: its size, its content.
_OF_A_RECORD: Final = (0x95, 0x99)
#: Refusals that may be for that, or for what passes.
_VAGUE: Final = (0x80, 0x83)

#: MQTT 5, section 2.4; without those that only the broker's side can meet.
_WORDS: Final = {
    0x80: "it gives no reason; look into the broker's log",
    0x81: "what it received is malformed; is there a proxy in between?",
    0x82: "it speaks of a protocol error; is there a proxy in between?",
    0x83: "it has a reason of its own; look into the broker's log",
    0x84: "it does not speak MQTT 5, which is needed to hear of refused records; update the broker",
    0x85: "it does not take the client's identifier; give the station a shorter, plainer name",
    0x86: f"user name or password wrong; {_CREDENTIALS}",
    0x87: f"not authorised (user name or password wrong or missing, or no right to do this); "
    f"{_CREDENTIALS} and rights",
    0x88: "it is not available at present",
    0x89: "it is busy",
    0x8A: "this client is banned; ask who runs the broker",
    0x8B: "it is shutting down",
    0x8C: f"it wants another way to log in; {_CREDENTIALS}",
    0x8D: "it heard nothing from the station in time; is the network or this machine overloaded?",
    0x8E: "another client took over the station's identifier; see that one station runs only once, "
    f"and {_BACK_OFF}",
    0x90: "it does not take this topic; choose another prefix in the target",
    0x93: f"too many records at once for it; {_BACK_OFF}",
    0x95: f"a record is too large for it; raise its packet size limit, and {_BACK_OFF}",
    0x96: f"too many records a second for it; raise its rate limit, and {_BACK_OFF}",
    0x97: f"a quota is used up; raise the broker's quota, and {_BACK_OFF}",
    0x98: "its administrator closed the connection; ask who runs the broker",
    0x99: "its rules do not allow a record's content; look into the broker's schemas",
    0x9A: "it does not keep retained messages, which availability needs; allow them",
    0x9B: "it does not acknowledge messages (QoS 1), which results need; allow it",
    0x9C: "it wants another server to be used; change the target",
    0x9D: "it has moved to another server; change the target",
    0x9F: f"too many connections a second for it; {_BACK_OFF}",
}


_KINDS: Final = {
    socket.gaierror: "the host name is unknown; check the name and the DNS server",
    TimeoutError: "it does not answer (timed out); check host, port, network and firewall",
    ConnectionRefusedError: "connection refused; does the broker run, and on this port?",
    ConnectionResetError: "it closed the connection at once; is this its port for TLS (mqtts), or "
    "the one without (mqtt)?",
}


class LostError(OutputError):
    """The connection is lost.

    Attributes:
        code: The reason that the broker gave for closing it; None: none.
    """

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


def is_of_a_record(code: int | None) -> bool:
    """Whether a code says no to one record alone, and will say so again."""
    return code in _OF_A_RECORD


def is_vague(code: int) -> bool:
    """Whether a code says no without saying to what."""
    return code in _VAGUE


def of_code(code: int) -> str:
    """Plain words for one of MQTT's reason codes, 0x80 to 0xFF."""
    return _WORDS.get(code, f"reason 0x{code:02X}; look into the broker's log")


def of_error(error: OSError) -> str:
    """Plain words for what kept a connection from being made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not valid: {error.verify_message.rstrip('.')}; use the host name "
            f"that the certificate is for, have it renewed, or name its authority's file in {CA}"
        )
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).lower().replace("_", " ")
        return f"TLS does not come about ({reason}); is this the broker's TLS port?"
    for kind, words in _KINDS.items():
        if isinstance(error, kind):
            return words
    return f"{(error.strerror or type(error).__name__).lower()}; check host, port and network"


def of_silence(scheme: Scheme, seconds: float) -> str:
    """The port was open, but no word of MQTT came within ``seconds``."""
    hint = "" if scheme is Scheme.TLS else ", and one without TLS"
    return f"no answer for {seconds:g} s (timed out); is this port an MQTT broker's{hint}?"


def of_early_end(scheme: Scheme) -> str:
    """The connection ended before the broker said yes or no."""
    wants = (
        f"does it want a certificate ({CERTIFICATE}), or another port?"
        if scheme is Scheme.TLS
        else "is this an MQTT broker, and without TLS? Does it take another client?"
    )
    return f"it closed the connection at once; {wants}"
