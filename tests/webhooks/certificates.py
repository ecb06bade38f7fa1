"""An authority of our own, which certifies receivers for the tests."""

import ssl
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from workflow.clock import SystemClock

DAY = timedelta(days=1)


class Authority:
    """Signs certificates, and is trusted by whoever has its context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("An authority for tests")
        self._now = SystemClock().now()
        certificate = self._signed(self._name, self._key, authority=True, until=self._now + DAY)
        self._pem = certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def file(self) -> Path:
        """Where its own certificate is, for whoever is to trust it by `SSL_CERT_FILE`."""
        path = self._folder / "authority.pem"
        path.write_bytes(self._pem)
        return path

    def trusted(self) -> ssl.SSLContext:
        """Return what a client needs that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self._pem.decode())

    def receiver(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """Return what a receiver needs that is certified by these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        until = self._now - DAY if expired else self._now + DAY
        certificate = self._signed(_name(names[0]), key, names=names, until=until)
        path = self._folder / f"{names[0]}-{expired}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        until: datetime,
        names: tuple[str, ...] = (),
        authority: bool = False,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - 2 * DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
