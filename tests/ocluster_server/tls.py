"""TLS as capnp-rpc's server has it: every client has to show a certificate, and any will do. Bytes in, bytes out.

Python's own `ssl` can ask for a certificate, but only take one that an authority vouches for; hence pyOpenSSL.
"""

from __future__ import annotations

from OpenSSL import SSL, crypto

from tests.ocluster_server.access import key_digest

#: Bytes that are read from a session at once.
_READ = 1 << 16


class TlsError(Exception):
    """The peer does not speak TLS, or ended it."""


def context(key: bytes, certificate: bytes) -> SSL.Context:
    """The server's side, TLS 1.2 and 1.3.

    :param key: in PEM, as is the certificate.
    """
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_min_proto_version(SSL.TLS1_2_VERSION)
    made.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, key))
    made.use_certificate(crypto.load_certificate(crypto.FILETYPE_PEM, certificate))
    made.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    # A session that is resumed shows no certificate.
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_options(SSL.OP_NO_TICKET)
    return made


class Session:
    """One connection's TLS. What it wants to have sent is in `outgoing`."""

    def __init__(self, context: SSL.Context) -> None:
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self.established = False

    @property
    def client(self) -> bytes | None:
        """The digest of the key that the client showed, or None where it showed none."""
        certificate = self._tls.get_peer_certificate()
        return key_digest(certificate.to_cryptography().public_key()) if certificate else None

    def receive(self, data: bytes) -> bytes:
        """Take what was received; answer what it says.

        :raises TlsError: it is not TLS, or says that there will be no more.
        """
        self._tls.bio_write(data)
        try:
            if not self.established:
                self._tls.do_handshake()
                self.established = True
            return self._read()
        except SSL.WantReadError:
            return b""
        except SSL.Error as error:
            raise TlsError(str(error)) from None

    def write(self, data: bytes) -> None:
        """Say this."""
        if data:
            self._tls.sendall(data)

    def outgoing(self) -> bytes:
        """Take what has to be sent now."""
        parts = []
        while True:
            try:
                parts.append(self._tls.bio_read(_READ))
            except SSL.WantReadError:
                return b"".join(parts)

    def _read(self) -> bytes:
        parts: list[bytes] = []
        while True:
            try:
                parts.append(self._tls.recv(_READ))
            except SSL.WantReadError:
                return b"".join(parts)
            except SSL.ZeroReturnError:
                if parts:
                    return b"".join(parts)
                raise
