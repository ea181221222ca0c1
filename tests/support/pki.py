"""X.509 and JOSE for the tests, by Python's cryptography alone."""

import base64
import datetime
import hashlib
import json
import os
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def serial_number(text):
    """Of a serial number as answers have it, or a lease."""
    return int(text.replace(":", "").replace("-", ""), 16)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def ca_certificate(subject, key, issuer, issuer_key, path_length=None, days=365, key_usage=True):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.BasicConstraints(True, path_length), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if key_usage:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, True)
    return builder.sign(issuer_key, hashes.SHA256())


def ca_bundle():
    """An intermediate's key, a root and the intermediate, in no useful order; and both certificates."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = ca_certificate("Offline Root", root_key, name("Offline Root"), root_key)
    intermediate = ca_certificate("Online Intermediate", key, root.subject, root_key, 0)
    return pem(root) + key_pem(key) + pem(intermediate), root, intermediate


def csr_for(key, common_name, dns=()):
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common_name))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(d) for d in dns]), False)
    return pem(builder.sign(key, hashes.SHA256()))


def chain_verifies(leaf, ca):
    leaf.verify_directly_issued_by(ca)  # raises when it does not
    return True


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def concat_kdf(shared):
    """RFC 7518 4.6.2 for ECDH-ES, A256GCM, no party info."""
    algorithm = b"A256GCM"
    info = len(algorithm).to_bytes(4, "big") + algorithm + bytes(4) + bytes(4) + (256).to_bytes(4, "big")
    return hashlib.sha256((1).to_bytes(4, "big") + shared + info).digest()


def seal_jwe(jwk, clear):
    ephemeral = X25519PrivateKey.generate()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(unb64(jwk["x"])))
    epk = {"kty": "OKP", "crv": "X25519", "x": b64(ephemeral.public_key().public_bytes_raw())}
    header = b64(json.dumps({"alg": "ECDH-ES", "enc": "A256GCM", "epk": epk}).encode())
    nonce = os.urandom(12)
    sealed = AESGCM(concat_kdf(shared)).encrypt(nonce, clear, header.encode())
    return ".".join([header, "", b64(nonce), b64(sealed[:-16]), b64(sealed[-16:])])


def open_jwe(private, token):
    header, encrypted_key, nonce, ciphertext, tag = token.split(".")
    assert encrypted_key == ""
    fields = json.loads(unb64(header))
    assert (fields["alg"], fields["enc"]) == ("ECDH-ES", "A256GCM")
    shared = private.exchange(X25519PublicKey.from_public_bytes(unb64(fields["epk"]["x"])))
    return AESGCM(concat_kdf(shared)).decrypt(unb64(nonce), unb64(ciphertext) + unb64(tag), header.encode())


def x25519_jwk():
    private = X25519PrivateKey.generate()
    return private, {"kty": "OKP", "crv": "X25519", "x": b64(private.public_key().public_bytes_raw())}


def seal_keys(bundle, jwk):
    """The bundle with its private key sealed in place."""
    block = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n", re.S)
    return block.sub(lambda m: seal_jwe(jwk, m.group().encode()) + "\n", bundle)
