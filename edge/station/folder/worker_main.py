"""A worker process of a station: takes files for it until its pipe is gone."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection


def main() -> None:
    """Entry point: the arguments are the pipe's end, the file of notes and the slot in it.

    The first message are the keyword arguments of ``Classifier``, and as ``names`` what
    finds lot and wafer in names. Then come chunks.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the station ends this process
    from edge.classification.classifier import Classifier
    from edge.station.folder.deaths import Slot
    from edge.station.folder.intake import FileIntake
    from edge.system.open_writers import leases_harmless
    from edge.system.worker_pool import serve

    leases_harmless()
    pipe, notes, slot = map(int, sys.argv[1:4])
    with Connection(pipe) as connection:
        arguments = connection.recv()
        names = arguments.pop("names")
        own = Slot(notes, slot)
        own.hold()
        intake = FileIntake(Classifier(**arguments), names, own)
        serve(connection, intake.take_all)
