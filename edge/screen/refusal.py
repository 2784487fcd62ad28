"""Why a frame gives no wafer map."""

from __future__ import annotations

from dataclasses import dataclass

from edge.system.choice import Choice


class RejectReason(Choice):
    """Why a frame gives no wafer map."""

    NO_WAFER = "no-wafer"
    CUT_OFF = "cut-off"
    BLUR = "blur"
    EXPOSURE = "exposure"
    UNCLEAR_GRID = "unclear-grid"
    UNSTABLE = "unstable"


@dataclass(frozen=True)
class Refusal:
    """A frame that gives no wafer map, and what was seen, for a person who sets up the camera."""

    reason: RejectReason
    why: str


class Refused(Exception):  # noqa: N818 - a Refusal where the frame is read
    """A step of the reading finds that the frame gives no wafer map, and why."""

    def __init__(self, reason: RejectReason, why: str) -> None:
        super().__init__(why)
        self.refusal = Refusal(reason, why)
