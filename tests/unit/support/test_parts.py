"""What `make test` installs: also the libraries that a compiler lacks although it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import compilers, parts


def test_a_compiler_without_its_libraries_is_as_good_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clang = tmp_path / "clang"
    clang.write_text("#!/bin/sh\necho 'cannot find libclang_rt.fuzzer' >&2\nexit 1\n")
    clang.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "clang" not in parts.missing()
    assert "libclang-rt-dev" in parts.missing()
    compilers.need_build.cache_clear()
    with pytest.raises(
        pytest.skip.Exception, match=r"libclang_rt.*apt-get install libclang-rt-dev"
    ):
        compilers.need_build(parts.FUZZED)


def test_a_program_that_is_missing_is_named_by_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {"g++", "gcc-arm-none-eabi", "libstdc++-arm-none-eabi-newlib"} <= set(parts.missing())
