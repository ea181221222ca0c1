"""Keys that are made once and kept, and the certification requests for them."""

import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from pki import key_pem

CURVES = {"ec-224": ec.SECP224R1, "ec-256": ec.SECP256R1, "ec-384": ec.SECP384R1, "ec-521": ec.SECP521R1}
ATTRIBUTES = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "CN": NameOID.COMMON_NAME,
}
USAGES = {
    "digitalSignature": "digital_signature",
    "contentCommitment": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}


def generate(kind):
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind]())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


class Keys:
    """One key of each kind, from a folder that keeps them for the next time."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.loaded = {}

    def get(self, kind):
        if kind not in self.loaded:
            self.loaded[kind] = self.load(kind)
        return self.loaded[kind]

    def load(self, kind):
        path = self.folder / f"{kind}.pem"
        if not path.exists():
            new = path.with_suffix(f".{os.getpid()}")
            new.touch(mode=0o600)
            new.write_text(key_pem(generate(kind)))
            new.replace(path)
        return serialization.load_pem_private_key(path.read_bytes(), None)


def digest_for(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def key_usage(names):
    return x509.KeyUsage(**{argument: name in names for name, argument in USAGES.items()})


def other_name(text):
    """OID;text as an otherName of a UTF8String."""
    oid, _, value = text.partition(";")
    octets = value.encode()
    assert len(octets) < 128
    return x509.OtherName(x509.ObjectIdentifier(oid), bytes([0x0C, len(octets)]) + octets)


def alternative_names(dns=(), emails=(), ips=(), uris=(), others=()):
    return [
        *map(x509.DNSName, dns),
        *map(x509.RFC822Name, emails),
        *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips),
        *map(x509.UniformResourceIdentifier, uris),
        *map(other_name, others),
    ]


def request(key, cn="", subject=None, ca=False, key_usage_names=(), ext_key_usage=(), **names):
    """A PKCS#10 request in PEM."""
    attributes = {**(subject or {}), **({"CN": cn} if cn else {})}
    name = x509.Name([x509.NameAttribute(ATTRIBUTES[short], value) for short, value in attributes.items()])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    extensions = {
        x509.SubjectAlternativeName: alternative_names(**names),
        x509.ExtendedKeyUsage: [x509.ObjectIdentifier(oid) for oid in ext_key_usage],
    }
    for kind, values in extensions.items():
        if values:
            builder = builder.add_extension(kind(values), False)
    if key_usage_names:
        builder = builder.add_extension(key_usage(key_usage_names), True)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    return builder.sign(key, digest_for(key)).public_bytes(serialization.Encoding.PEM).decode()
