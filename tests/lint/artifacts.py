"""What was issued, and what is known of it."""

import base64
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

LOADERS = {
    "certificate": x509.load_der_x509_certificate,
    "csr": x509.load_der_x509_csr,
    "crl": x509.load_der_x509_crl,
}
LABELS = {"certificate": "CERTIFICATE", "csr": "CERTIFICATE REQUEST", "crl": "X509 CRL"}


@dataclass(frozen=True)
class Artifact:
    """One certificate, certification request or CRL."""

    id: str
    kind: str  # certificate, csr, crl
    der: bytes
    key: str  # of entries.KEYS: the subject's, of a CRL its issuer's
    chain: tuple = ()  # DER: its issuer's certificate first, the root last; of a root itself
    public_tls: bool = False
    is_ca: bool = False
    expect: dict = field(default_factory=dict)
    crl: bytes | None = None  # DER: of a certificate: its issuer's
    revoked: bool = False  # of a certificate
    entries: dict = field(default_factory=dict)  # of a CRL: the parameters of the revocations by serial number

    @property
    def parsed(self):
        return LOADERS[self.kind](self.der)

    def parents(self):
        return [x509.load_der_x509_certificate(der) for der in self.chain]

    def pem(self):
        return pem(self.kind, self.der)


def pem(kind, der):
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {LABELS[kind]}-----", *lines, f"-----END {LABELS[kind]}-----", ""])


def der_of_certificate(text):
    return x509.load_pem_x509_certificate(text.encode()).public_bytes(Encoding.DER)


def der_of_csr(text):
    return x509.load_pem_x509_csr(text.encode()).public_bytes(Encoding.DER)
