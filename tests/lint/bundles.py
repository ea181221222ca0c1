"""CAs that were made elsewhere, for ca/set: what certmill signs under them has to copy what they say of themselves."""

import datetime
import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keys import digest_for, generate, key_usage

UTC = datetime.timezone.utc
START = datetime.datetime(2026, 1, 1, tzinfo=UTC)
END = datetime.datetime(2060, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Bundle:
    key: object
    chain: tuple  # the CA's certificate first, the root last


def plain(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, above=None, path_length=None, dates=(START, END), key_id=None, purposes=(), policies=()):
    """above: (certificate, key) of the issuer; None makes a root."""
    issuer, issuer_key = above or (None, key)
    own_id = (
        x509.SubjectKeyIdentifier(key_id) if key_id else x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
        .add_extension(x509.BasicConstraints(True, path_length), True)
        .add_extension(key_usage(["keyCertSign", "cRLSign"]), True)
        .add_extension(own_id, False)
    )
    if issuer:
        issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(issuer_id.key_identifier, None, None), False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    if policies:
        information = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in policies]
        builder = builder.add_extension(x509.CertificatePolicies(information), False)
    return builder.sign(issuer_key, digest_for(issuer_key))


def under_a_root(subject, key, **fields):
    root_key = generate("ec-256")
    root = certificate(plain("Spread Offline Root"), root_key)
    return Bundle(key, (certificate(subject, key, (root, root_key), **fields), root))


def root_of(subject, key, **fields):
    return Bundle(key, (certificate(subject, key, **fields),))


def string_types(keys):
    """Every string type that RFC 5280 lets a CA keep, two attributes in one RDN, spaces and cases that do not count."""
    attributes = [
        [(NameOID.COUNTRY_NAME, "CH", StringType.PrintableString)],
        [(NameOID.DOMAIN_COMPONENT, "Example", StringType.IA5String)],
        [(NameOID.ORGANIZATION_NAME, "Éxample  Org", StringType.BMPString)],
        [
            (NameOID.ORGANIZATIONAL_UNIT_NAME, "Unit  One", StringType.PrintableString),
            (NameOID.LOCALITY_NAME, "Zürich", StringType.UTF8String),
        ],
        [(NameOID.COMMON_NAME, "spread STRING types", StringType.PrintableString)],
        [(NameOID.EMAIL_ADDRESS, "CA@example.com", StringType.IA5String)],
    ]
    rdns = [x509.RelativeDistinguishedName([x509.NameAttribute(*one) for one in rdn]) for rdn in attributes]
    return under_a_root(x509.Name(rdns), generate("ec-256"), path_length=0)


def three_levels(keys):
    key_1, key_2, key_3 = (generate(kind) for kind in ("ec-384", "ed25519", "ec-256"))
    root = certificate(plain("Spread Root of Three"), key_1)
    second = certificate(plain("Spread Second of Three"), key_2, (root, key_1), 1)
    third = certificate(plain("Spread Third of Three"), key_3, (second, key_2), 0)
    return Bundle(key_3, (third, second, root))


def key_id(digest, length):
    def make(keys):
        key = generate("ec-256")
        point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return root_of(plain("Spread Key Id"), key, key_id=hashlib.new(digest, point).digest()[:length])

    return make


def public_tls(keys):
    name = [
        (NameOID.COUNTRY_NAME, "CH"),
        (NameOID.ORGANIZATION_NAME, "Example AG"),
        (NameOID.COMMON_NAME, "Example TLS CA 1"),
    ]
    return under_a_root(
        x509.Name([x509.NameAttribute(*attribute) for attribute in name]),
        keys.get("rsa-2048"),
        path_length=0,
        purposes=[ExtendedKeyUsageOID.SERVER_AUTH],
        policies=["2.23.140.1.2.1", "2.23.140.1.2.2"],
    )


BUNDLES = {
    "below-a-root": lambda keys: under_a_root(plain("Spread Set Intermediate"), generate("ec-256"), path_length=0),
    "string-types": string_types,
    "sha256-key-id": key_id("sha256", 20),  # RFC 7093 method 1
    "long-key-id": key_id("sha512", 64),
    "until-9999": lambda keys: root_of(
        plain("Spread Without End"),
        generate("ec-256"),
        dates=(START, datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ),
    "since-1990": lambda keys: root_of(
        plain("Spread Of Old"), generate("ec-256"), dates=(datetime.datetime(1990, 1, 1, tzinfo=UTC), END)
    ),
    "three-levels": three_levels,
    "rsa-8192": lambda keys: root_of(plain("Spread Set RSA 8192"), keys.get("rsa-8192")),
    "public-tls": public_tls,
}
