"""The command ``wm-edge``: a table of verbs, each loaded when it is called."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from edge import __version__
from edge.errors import CUT_SHORT, GateError, ModelError, ReaderGoneError, WmEdgeError, cause
from edge.system.text import printable
from edge.terminal.lazy_group import LazyGroup, Route
from edge.terminal.streams import forget, make_safe

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_CODES = """\b
Exit codes:
  0  all done
  1  some inputs failed (the others were classified), or results cannot be written
  2  wrong usage or unusable data set
  3  no usable model file, runtime or device
  4  an accuracy gate is red, or a lot raises an alarm
  130  stopped by Ctrl-C
"""

ROUTES: dict[str, Route] = {
    "classify": Route("edge.cli.classify", "Classify wafer maps from files and folders."),
    "watch": Route("edge.cli.watch", "Watch folders and record every wafer once."),
    "camera": Route("edge.cli.camera", "Read wafers off a camera or video, one record a wafer."),
    "station": Route("edge.cli.station", "Run a station from a configuration file."),
    "lots": Route("edge.cli.lots", "Show what lots are like: patterns, yield, wafers.", "lots"),
    "serial": Route("edge.cli.serial", "Have a microcontroller classify wafer maps.", "serial"),
    "pattern": Route("edge.cli.pattern", "Add patterns of your own from a few wafers."),
    "formats": Route("edge.cli.formats", "List the formats that are read and written."),
    "show": Route("edge.cli.show", "Draw wafer maps, with what their file says of them."),
    "convert-map": Route("edge.cli.convert_map", "Convert wafer maps of any format to any other."),
    "archive": Route("edge.cli.archive", "Judge wafer maps of years; compare models.", "archive"),
    "evaluate": Route("edge.cli.evaluate", "Measure a model file on labelled wafers; gate on it."),
    "report": Route(
        "convert.cli.report", "Write the quantization report of a model file.", "report"
    ),
    "bench": Route("edge.cli.bench", "Measure speed and memory of a model file on this machine."),
    "export-firmware": Route("convert.cli.export_firmware", "Write a model file as C for a board."),
    "info": Route("edge.cli.info", "Show the model card of a model file."),
    "schema": Route("edge.cli.schema", "Print the JSON Schema of a record or a station's file."),
    "doctor": Route("edge.cli.doctor", "Check runtime, versions and speed of this machine."),
    "dataset": Route("edge.cli.dataset", "Import, split, draw and synthesise labelled sets."),
    "train": Route("train.cli.train", "Train a network on a labelled set.", "train"),
    "convert": Route(
        "convert.cli.convert", "Quantise a trained network to an int8 model file.", "convert"
    ),
}

#: Native library (as its import error names it) -> what pip calls it.
LIBRARIES = {
    "cv2": "opencv-python-headless",
    "libgl": "opencv-python-headless",
    "numpy": "numpy",
}

#: wm-edge is on no index.
AGAIN = "install wm-edge again from where it was installed"


class Main(LazyGroup):
    """The top-level group."""

    routes = ROUTES

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; a reader of results that has gone (`| head`) has seen what it wanted."""
        try:
            return super().invoke(ctx)
        except ReaderGoneError:
            return 0


@click.group(
    cls=Main,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="wm-edge")
def cli() -> None:
    """Recognise the pattern of failing dies on a wafer, at the inspection station.

    \b
    Examples:
      wm-edge classify wafers/                   a folder of wafer maps
      wm-edge classify lot42.npz > lot42.jsonl   one JSON object a wafer
      wm-edge watch wafers/                      a station: every wafer recorded
      wm-edge doctor                             is this machine ready?
    """


def main(explain: Callable[[], bool] = lambda: False) -> NoReturn:
    """Entry point: every error ends in one line on stderr and its exit code.

    Args:
        explain: Called at a fault that nobody foresaw: whether it has said what is behind it.
    """
    make_safe()
    try:
        code = cli.main(prog_name="wm-edge", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = _say("stopped", 130)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except WmEdgeError as error:
        red = error.exit_code == GateError.exit_code
        code = _say(str(error), error.exit_code, fg="red" if red else None)
    except ImportError as error:
        told = explain() and isinstance(error, ModuleNotFoundError)
        code = ModelError.exit_code if told else _missing(error)
    except OSError as error:
        code = _say(f"{error.filename or 'output'}: {error.strerror or error}", CUT_SHORT)
    except MemoryError:
        code = _say(
            "not enough memory for this; smaller files or fewer --threads may do", CUT_SHORT
        )
    except Exception as error:  # noqa: BLE001 - what nobody foresaw must not look like bad inputs
        what = cause(error) if explain() else f"please report this:\n{_traceback()}"
        code = _say(f"failed; {what}", CUT_SHORT)
    sys.exit(_flushed(code if isinstance(code, int) else 0))


def _traceback() -> str:
    from traceback import format_exc  # loaded where something is wrong already

    return format_exc().strip()


def _say(text: str, code: int, **style: Any) -> int:
    # Text from files must not steer the terminal; a red gate has several lines.
    plain = "\n".join(printable(line) for line in text.split("\n"))
    click.secho(f"wm-edge: {plain}", err=True, **style)
    return code


def _flushed(code: int) -> int:
    """Write what is left on stdout; what cannot be written must not be tried again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        forget(sys.stdout.fileno())
        if code == 0:
            code = _say(f"output: {error.strerror}", CUT_SHORT)
    return code


def _missing(error: ImportError) -> int:
    verb = next((name for name in sys.argv[1:] if not name.startswith("-")), "")
    extra = ROUTES[verb].extra if verb in ROUTES else ""
    if isinstance(error, ModuleNotFoundError):
        if str(error.name).partition(".")[0] in {"tensorflow", "keras"}:
            from edge.model import wheels
            from edge.model.wheels import Backend

            if not wheels.exists(Backend.TENSORFLOW):
                return _say(f"{verb} needs TensorFlow, and there is none for {wheels.here()}", 3)
        mend = f"pip install 'wm-edge[{extra}]'" if extra else AGAIN
        return _say(f"{error.name} is not installed, {verb} needs it; mend: {mend}", 3)
    about = f"{error.name} {error}".lower()
    broken = next((name for library, name in LIBRARIES.items() if library in about), "")
    mend = f"pip install --force-reinstall {broken}" if broken else AGAIN
    return _say(
        f"{error.name or broken or 'a library'} cannot be loaded ({cause(error)}); mend: {mend}", 3
    )
