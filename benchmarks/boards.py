"""What the firmware takes of each board: flash and RAM by section, stack, instructions.

Usage: ``python benchmarks/boards.py [--json FILE] [--into PAGE]``; needs gcc-arm-none-eabi, newlib
and QEMU. Exports the model that ships for a microcontroller, builds the station for each board, and
runs the self-test with QEMU counting instructions (``-icount shift=0``: one virtual nanosecond an
instruction; no cycles of real silicon).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.marked import table, written
from convert.firmware.export import export
from edge.model import flatbuffer
from edge.model.model_file import ModelFile, load
from edge.system.shipped import firmware_path

#: Limits of the model that ships, bytes.
FLASH = 256 * 1024
RAM = 96 * 1024

BOARDS = {"m3": "Cortex-M3", "m4": "Cortex-M4", "m7": "Cortex-M7"}
MACHINES = {"m3": "mps2-an385", "m4": "mps2-an386", "m7": "mps2-an500"}
FLASH_SECTIONS = (".text", ".rodata", ".ARM.exidx", ".data")
RAM_SECTIONS = (".data", ".bss", ".noinit", ".stack")


def sections(elf: Path) -> dict[str, int]:
    """Bytes of each allocated section."""
    text = run("arm-none-eabi-size", "-A", str(elf))
    found = re.findall(r"^(\.\S+)\s+(\d+)\s+(\d+)$", text, re.MULTILINE)
    kept = {*FLASH_SECTIONS, *RAM_SECTIONS}
    return {name: int(size) for name, size, _ in found if name in kept and int(size)}


def board(folder: Path, name: str) -> dict[str, Any]:
    """Build and run for one board."""
    run("make", "-C", str(folder), name)
    found = sections(folder / "build" / f"{name}-station.elf")
    qemu = ("qemu-system-arm", "-machine", MACHINES[name], "-display", "none", "-monitor", "none")
    qemu += ("-serial", "stdio", "-semihosting-config", "enable=on,target=native")
    qemu += ("-icount", "shift=0", "-kernel", str(folder / "build" / f"{name}-selftest.elf"))
    said = run(*qemu)
    return {
        "board": f"{BOARDS[name]} ({MACHINES[name]})",
        "sections": found,
        "flash": sum(found.get(section, 0) for section in FLASH_SECTIONS),
        "ram": sum(found.get(section, 0) for section in RAM_SECTIONS),
        "peak_stack": number(r"peak stack: (\d+)", said),
        # A virtual microsecond is a thousand instructions.
        "instructions": 1000 * number(r"longest: (\d+) us", said),
        "self_test": "PASS" if "PASS" in said else "FAIL",
    }


def number(pattern: str, text: str) -> int:
    """The number that a pattern finds."""
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"no {pattern!r} in: {text}")
    return int(found[1])


def run(*command: str) -> str:
    """Stdout of a command; its stderr where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def main() -> int:
    """Measure and print; 1 where a limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument(
        "--into", type=Path, metavar="PAGE", help="page whose block is written anew"
    )
    chosen = parser.parse_args()
    model = load(firmware_path())
    with tempfile.TemporaryDirectory(prefix="wm-edge-boards-") as name:
        folder = Path(name) / "firmware"
        firmware = export(model, folder, "c99")
        found = {each: board(folder, each) for each in BOARDS}
    report = {
        "model": model.name,
        "compiler": run("arm-none-eabi-gcc", "--version").partition("\n")[0],
        "optimisation": "-O2",
        "arena": firmware.figures["arena"],
        "limits": {"flash": FLASH, "ram": RAM},
        "boards": found,
    }
    for each in found.values():
        print(f"{each['board']:<24} flash {each['flash']:>7}  RAM {each['ram']:>6}  ", end="")
        print(
            f"stack {each['peak_stack']:>4}  {each['instructions'] / 1e6:.1f} M instructions  ",
            end="",
        )
        print(each["self_test"])
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    if chosen.into:
        written(chosen.into, {"boards": block(model, report)})
    kept = all(
        each["flash"] <= FLASH and each["ram"] <= RAM and each["self_test"] == "PASS"
        for each in found.values()
    )
    return 0 if kept else 1


def block(model: ModelFile, report: dict[str, Any]) -> str:
    """The figures as a page shows them."""
    inside = flatbuffer.read(model.network, model.path)
    version = report["compiler"].split()[-2:]
    said = (
        f"`{model.metadata.name}`: {model.metadata.network.parameters:,} parameters, "
        f"{inside.macs / 1e6:.2f} million multiply-accumulates, an arena of {report['arena']:,} "
        f"bytes; GCC {version[0]}, `{report['optimisation']}`."
    )
    head = ["board", "flash, bytes", "RAM with 8 KB of stack, bytes", "peak stack, bytes"]
    rows = [
        [
            each["board"],
            *(f"{each[what]:,}" for what in ("flash", "ram", "peak_stack")),
            f"{each['instructions'] / 1e6:.1f} M",
        ]
        for each in report["boards"].values()
    ]
    return f"{said}\n\n{table([*head, 'instructions an inference'], rows)}"


if __name__ == "__main__":
    sys.exit(main())
