"""What is wrong on purpose: a tool that does not find it would find nothing in the spread either."""

from dataclasses import dataclass, replace

import gmpy2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from artifacts import Artifact, der_of_csr
from bundles import END, START, plain
from keys import generate, key_usage, request

PARSERS = ("go", "openssl", "certtool", "cryptography")


@dataclass(frozen=True)
class Control:
    """A wrong artifact and the tools that have to find it."""

    artifact: Artifact
    tools: tuple


def with_last_bit_changed(artifact):
    """Of an RSA signature."""
    return replace(artifact, der=artifact.der[:-1] + bytes([artifact.der[-1] ^ 1]))


def weak_key():
    """Of primes that are too close."""
    p = gmpy2.next_prime(generate("rsa-2048").private_numbers().p)
    q, e = gmpy2.next_prime(p), 65537
    while gmpy2.gcd(e, (p - 1) * (q - 1)) != 1:
        q = gmpy2.next_prime(q)
    p, q = int(p), int(q)
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    halves = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *halves, public).private_key()


def wrong_leaf():
    """No host name, no key identifiers, and usages that its EC key cannot have."""
    key = generate("ec-256")
    names = x509.SubjectAlternativeName([x509.DNSName("-wrong-.example.com")])
    certificate = (
        x509.CertificateBuilder(plain("Wrong"), plain("Wrong"), key.public_key(), 1, START, END)
        .add_extension(names, False)
        .add_extension(key_usage(["keyEncipherment"]), False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def controls(artifacts):
    by_id = {artifact.id: artifact for artifact in artifacts}
    leaf, crl = by_id["sign/ec-256-under-rsa-2048"], by_id["crl/root-rsa-2048-last"]
    csr = Artifact(
        "csr", "csr", der_of_csr(request(generate("rsa-2048"), "csr.example.com")), "rsa-2048", expect={"subject": []}
    )
    weak = replace(csr, der=der_of_csr(request(weak_key(), "weak.example.com")))
    wrong = {
        "signature-of-certificate": (with_last_bit_changed(leaf), (*PARSERS, "pkilint")),
        "signature-of-crl": (with_last_bit_changed(crl), PARSERS),
        "signature-of-csr": (with_last_bit_changed(csr), PARSERS),
        "not-on-the-crl": (replace(leaf, revoked=True), ("openssl", "certtool")),
        "on-the-crl": (replace(by_id["issue/ed25519-under-rsa-2048"], revoked=False), ("openssl", "certtool")),
        "crl-without-entry": (replace(crl, entries={**crl.entries, 1: {}}), PARSERS),
        "another-issuer": (replace(leaf, chain=by_id["sign/ec-256-under-rsa-3072"].chain), (*PARSERS, "pkilint")),
        "other-names": (replace(leaf, expect={**leaf.expect, "names": []}), ("cryptography",)),
        "not-for-public-tls": (replace(leaf, public_tls=True), ("zlint", "pkilint")),
        "leaf": (replace(leaf, der=wrong_leaf()), (*PARSERS, "zlint", "pkilint")),
        "key": (weak, ("badkeys",)),
    }
    return [Control(replace(artifact, id=f"control/{name}"), tools) for name, (artifact, tools) in wrong.items()]
