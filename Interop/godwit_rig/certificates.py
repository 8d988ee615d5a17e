"""A throw-away certificate authority, made with the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


class Certificates:
    """``ca``, ``server`` (localhost, 127.0.0.1), ``client``, ``expired``: a client whose
    certificate ended yesterday, and ``stranger``: one that another authority signed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._authority("ca", "Interop authority")
        self._authority("other-ca", "Another authority")
        self._signed("server", "ca", "localhost", "serverAuth")
        self._signed("client", "ca", "interop-client", "clientAuth")
        self._signed("expired", "ca", "interop-client", "clientAuth", days=-1)
        self._signed("stranger", "other-ca", "stranger", "clientAuth")

    def client_context(self, certificate: str | None = None) -> ssl.SSLContext:
        """Trusts ``ca``; presents the named certificate when there is one."""
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        if certificate is not None:
            context.load_cert_chain(
                self.directory / f"{certificate}.pem", self.directory / f"{certificate}.key"
            )
        return context

    def _authority(self, name: str, common_name: str) -> None:
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "7",
            "-subj", f"/CN={common_name}",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def _signed(
        self, name: str, authority: str, common_name: str, usage: str, days: int = 7
    ) -> None:
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(
            f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
            "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
        )
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={common_name}",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem",
            "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", str(days),
            "-extfile", extensions.name, "-out", f"{name}.pem",
        )  # fmt: skip

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self.directory, check=True, capture_output=True
        )
