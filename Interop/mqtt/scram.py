"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

METHOD = "SCRAM-SHA-256"


class ScramClient:
    """One exchange: `first`, then `final` with the server's first message, then `verify`."""

    def __init__(self, user: str, password: str, nonce: str | None = None):
        self.nonce = nonce or base64.b64encode(os.urandom(18)).decode()
        self.password = password
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.first_bare = f"n={name},r={self.nonce}"
        self.salted = b""
        self.signed = b""

    def first(self) -> bytes:
        return f"n,,{self.first_bare}".encode()

    def final(self, server_first: bytes, *, nonce_suffix: str = "") -> bytes:
        """Answers the challenge; `nonce_suffix` spoils the nonce on purpose."""
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        assert fields["r"].startswith(self.nonce), "the server must extend the client's nonce"
        assert len(fields["r"]) > len(self.nonce)
        iterations = int(fields["i"])
        assert iterations >= 4096, "RFC 7677 section 4"
        salt = base64.b64decode(fields["s"], validate=True)
        self.salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, iterations)
        without_proof = f"c=biws,r={fields['r']}{nonce_suffix}"
        self.signed = ",".join([self.first_bare, server_first.decode(), without_proof]).encode()
        client_key = self._hmac(self.salted, b"Client Key")
        signature = self._hmac(hashlib.sha256(client_key).digest(), self.signed)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, server_final: bytes) -> None:
        """The server knows the password, too."""
        expected = self._hmac(self._hmac(self.salted, b"Server Key"), self.signed)
        assert server_final == b"v=" + base64.b64encode(expected)

    @staticmethod
    def _hmac(key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, hashlib.sha256).digest()
