"""The first use of a runtime on a machine: tried in a process of its own, which may die of it.

A wheel may hold instructions that this processor lacks, or crash while it is loaded: by a signal,
which no program survives to say so. The child (``first_use_child``) imports the runtime, starts it
with the model file and runs the self-test; how that ended is kept in the cache folder, and asked
for again only when anything changes that it may depend on.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta

from edge import __version__
from edge.errors import RuntimeUnavailableError
from edge.model import runtime, wheels
from edge.model.model_file import ModelFile
from edge.model.runtime import Attempt, Kernels, Package, Runtime
from edge.model.wheels import Backend
from edge.system import cache_folder, processor
from edge.system.typed import Strict

#: Set in the child: it is the one that tries, and starts no other.
CHILD: Final = "WM_EDGE_FIRST_USE"

#: Seconds for the child. systemd waits 90 for a service to start.
LIMIT: Final = 60.0

_KIND: Final = "first-use"

#: Signals by which native code ends a process; by any other, somebody else ended it.
_FAULTS: Final = frozenset(
    {signal.SIGSEGV, signal.SIGILL, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP}
)


class Ending(Strict, frozen=True):
    """How a first use ended.

    Attributes:
        signal: That ended the process; 0 where it came to its end.
        off: Steps by which the self-test was off beyond ``selftest.TOLERANCE``; 0 also where the
            runtime refused the model file, which it will say itself.
    """

    signal: Annotated[int, Meta(ge=0, le=64)] = 0
    off: Annotated[int, Meta(ge=0)] = 0

    @property
    def objection(self) -> str:
        """Why the runtime should not be used; empty: it may."""
        if self.signal:
            name = signal.strsignal(self.signal) or "unknown"
            return f"dies on this machine with signal {self.signal} ({name})"
        if self.off:
            more = f"the self-test is off by {self.off} steps more than is allowed"
            return f"computes something else than convert saw: {more}"
        return ""


@dataclass
class FirstUse:
    """What is known of the runtimes for a model file on this machine.

    Args:
        model: The model file that they shall run.
        kernels: With which implementation of the operators.
        afresh: Try again what is known, and keep how it ended now.
    """

    model: ModelFile
    kernels: Kernels = Kernels.FAST
    afresh: bool = False
    _doubted: list[Backend] = field(default_factory=list)

    def start(self, backend: Backend | None = None, threads: int = 1) -> Runtime:
        """Start the first runtime that survives here and computes what convert saw.

        Where none computes that, the file is at fault, and the first that survives is taken.

        Raises:
            RuntimeUnavailableError: none works; the message lists every attempt and the mend.
            UsageError: ``WM_EDGE_BACKEND`` names an unknown runtime.
        """
        self._doubted = []
        start = partial(runtime.start, self.model.content, threads=threads, kernels=self.kernels)
        try:
            return start(backend=backend, objection=self.objection)
        except RuntimeUnavailableError:
            if not self._doubted:
                raise
            return start(backend=self._doubted[0])

    def objection(self, backend: Backend) -> Attempt | None:
        """Why a runtime should not be loaded into this process, and what to do; None: it may."""
        package = runtime.package(backend)
        # What has been loaded here has survived here.
        if package is None or package.is_loaded or CHILD in os.environ:
            return None
        key = self._key(backend, package)
        known = None if self.afresh else cache_folder.recall(_KIND, key)
        ending = _decoded(known) or self._tried(backend, key)
        if ending is None or not ending.objection:
            return None
        if not ending.signal:
            self._doubted.append(backend)
        mend = f"{wheels.other_version(backend, package.version)}; `wm-edge doctor` tries it again"
        return Attempt(backend, f"{package.version} {ending.objection}", mend)

    def _tried(self, backend: Backend, key: str) -> Ending | None:
        """Try it, and keep how that ended; None where it says nothing of the runtime."""
        from edge.system.child_process import ChildProcess  # slow to load, and rarely needed

        child = ChildProcess("edge.classification.first_use_child", {CHILD: "1"})
        try:
            child.pipe.send((self.model, backend, self.kernels))
            if not child.pipe.poll(LIMIT):
                return None
            ending = Ending(off=child.pipe.recv())
        except (OSError, EOFError):
            code = child.process.wait()
            if -code not in _FAULTS:
                return None
            ending = Ending(signal=-code)
        finally:
            child.close()
        cache_folder.keep(_KIND, key, msgspec.json.encode(ending))
        return ending

    def _key(self, backend: Backend, package: Package) -> str:
        system = os.uname()
        parts = (
            __version__,
            backend.value,
            package.version,
            package.place,
            str(package.changed_ns),
            np.__version__,
            self.model.sha256,
            self.kernels.value,
            sys.version,
            f"{system.sysname} {system.release} {system.version} {system.machine}",
            processor.features(),
        )
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _decoded(content: bytes | None) -> Ending | None:
    try:
        return None if content is None else msgspec.json.decode(content, type=Ending)
    except msgspec.MsgspecError:
        return None
