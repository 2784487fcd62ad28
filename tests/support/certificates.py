"""Certificates for an hour, made with the ``openssl`` command."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MISSING: Final = "the openssl command is not installed: no certificates to test with"

_CA: Final = """[req]
distinguished_name = name
x509_extensions = ca
prompt = no
[name]
CN = {name}
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""


def available() -> bool:
    """Whether certificates can be made here."""
    return shutil.which("openssl") is not None


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates.

    Args:
        folder: For all files; made where it is not there.
        name: The authority's name; two of them need two folders.
    """

    def __init__(self, folder: Path, name: str = "wm-edge test CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        (folder / "ca.cnf").write_text(_CA.format(name=name))
        self._pair = Pair(folder / "ca.pem", folder / "ca.key")
        _key(self._pair.key)
        _openssl(
            *("req", "-x509", "-new", "-key", self._pair.key, "-days", "1"),
            *("-config", folder / "ca.cnf", "-out", self._pair.certificate),
        )

    @property
    def certificate(self) -> Path:
        """What those who trust it have to know."""
        return self._pair.certificate

    def sign(self, name: str, alternatives: str, *, days: int = 1) -> Pair:
        """Make a certificate.

        Args:
            name: Common name, and the files' name.
            alternatives: What it is good for: ``DNS:localhost,IP:127.0.0.1``.
            days: How long from now on; negative: it is over already.
        """
        base = self._folder / name
        made = Pair(base.with_suffix(".pem"), base.with_suffix(".key"))
        request, extensions = base.with_suffix(".csr"), base.with_suffix(".ext")
        _key(made.key)
        _openssl("req", "-new", "-key", made.key, "-subj", f"/CN={name}", "-out", request)
        extensions.write_text(f"subjectAltName={alternatives}\nbasicConstraints=CA:false\n")
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self._pair.certificate),
            *("-CAkey", self._pair.key, "-CAcreateserial", "-days", str(days)),
            *("-extfile", extensions, "-out", made.certificate),
        )
        return made


def _key(path: Path) -> None:
    # Elliptic: an RSA key takes up to a second to make.
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
