"""What is installed around a station: unit, container and example configuration."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.cli.main import cli
from edge.sinks.settings import JsonLinesSettings, MqttSettings
from edge.station.config import read
from edge.station.folder_settings import Done

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_example_configuration_is_valid() -> None:
    settings = read(DEPLOY / "station.toml")
    assert settings.folders[0].done is Done.MOVE
    assert [type(sink) for sink in settings.sinks] == [JsonLinesSettings]
    assert settings.station.metrics == "127.0.0.1:9105"


def test_what_the_example_leaves_commented_out_is_valid_too(tmp_path: Path) -> None:
    text = (DEPLOY / "station.toml").read_text("utf-8")
    (tmp_path / "all.toml").write_text(
        re.sub(r"^# (?=[\[a-zA-Z]+.*[\]=])", "", text, flags=re.MULTILINE)
    )
    settings = read(tmp_path / "all.toml")
    assert len(settings.cameras) == 1
    assert [type(sink) for sink in settings.sinks] == [JsonLinesSettings, MqttSettings]
    assert settings.review.below == {"all": 0.9, "Scratch": 0.97}


def unit() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "wm-edge.service")
    return dict(parser["Service"])


def test_the_unit_restarts_watches_and_confines_the_station() -> None:
    service = unit()
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert int(service["WatchdogSec"]) <= 60
    assert service["OOMPolicy"] == "continue"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == "CAP_LEASE"
    # What the example writes must be writable.
    settings = read(DEPLOY / "station.toml")
    assert str(settings.station.store.parent) == f"/var/lib/{service['StateDirectory']}"
    assert service["CacheDirectory"] == "wm-edge"
    writable = service["ReadWritePaths"].removeprefix("-")
    assert settings.folders[0].tops == (writable,)
    assert str(settings.folders[0].quarantine).startswith(f"{writable}/")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here (Debian package systemd)")
    text = (DEPLOY / "wm-edge.service").read_text("utf-8")
    # The program is not installed there on this machine.
    copy = tmp_path / "wm-edge.service"
    copy.write_text(text.replace("/opt/wm-edge/bin/wm-edge", "/bin/true"))
    done = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_container_runs_a_command_that_exists() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    words = re.findall(r'"([^"]+)"', re.search(r"^CMD (.*)$", text, re.MULTILINE)[1])  # type: ignore[index]
    command = cli.get_command(None, words[0])  # type: ignore[arg-type]
    assert command is not None
    options = {option for param in command.params for option in param.opts}
    assert {word for word in words if word.startswith("--")} <= options
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert words[words.index("--metrics") + 1] in re.search(r"127\.0\.0\.1:(\d+)", text)[1]  # type: ignore[index]
