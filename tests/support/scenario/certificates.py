"""What stands in certificates, CSRs and CRLs, by Python's cryptography, under the names that scenarios use."""

import base64
import re

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from scenario import Mismatch

PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.S)


def certificates_of(value):
    """The certificates in PEM blocks, a list of them, or base64 text of the DER."""
    if isinstance(value, dict):
        value = value.get("certificate") or value.get("ca_chain")
    if isinstance(value, (list, tuple)):
        return [certificate for item in value for certificate in certificates_of(item)]
    text = value or ""
    if "-----BEGIN" in text:
        blocks = [found for found in PEM.finditer(text) if found[1] == "CERTIFICATE"]
        return [x509.load_pem_x509_certificate(found[0].encode()) for found in blocks]
    return [x509.load_der_x509_certificate(base64.b64decode(text))] if text else []


def certificate_of(value):
    found = certificates_of(value)
    if not found:
        raise Mismatch(f"there is no certificate in {value!r:.80}")
    return found[0]


def csr_of(value):
    text = value["csr"] if isinstance(value, dict) else value
    if "-----BEGIN" in text:
        return x509.load_pem_x509_csr(text.encode())
    return x509.load_der_x509_csr(base64.b64decode(text))


def crl_of(text):
    if "-----BEGIN" in text:
        return x509.load_pem_x509_crl(text.encode())
    return x509.load_der_x509_crl(base64.b64decode(text))


def key_of(text):
    if "-----BEGIN" in text:
        blocks = [found[0] for found in PEM.finditer(text) if found[1].endswith("PRIVATE KEY")]
        return serialization.load_pem_private_key(blocks[0].encode(), None)
    return serialization.load_der_private_key(base64.b64decode(text), None)


def serial_of(text):
    """The number that stands in hexadecimal, with colons, hyphens or nothing between the octets."""
    return int(re.sub("[:-]", "", text), 16)


def extension(thing, kind):
    """Its value; None where it is absent."""
    try:
        return thing.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def epoch(time):
    return int(time.timestamp())


def validity_of(certificate):
    return epoch(certificate.not_valid_before_utc), epoch(certificate.not_valid_after_utc)


def times_of(crl):
    return epoch(crl.last_update_utc), epoch(crl.next_update_utc)


def must_be_signed_by(what, certificate, issuer):
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception as why:  # cryptography raises as many kinds as there are reasons
        raise Mismatch(f"{what} is not signed by {issuer.subject.rfc4514_string()}: {why!r}") from None


def must_chain(what, certificates):
    """Each is signed by the next, and a last one that names itself by itself."""
    for lower, upper in zip(certificates, certificates[1:]):
        must_be_signed_by(what, lower, upper)


# --- facts ----------------------------------------------------------------------------------------------------------

KEY_USAGE = {
    "digital_signature": "DigitalSignature",
    "content_commitment": "ContentCommitment",
    "key_encipherment": "KeyEncipherment",
    "data_encipherment": "DataEncipherment",
    "key_agreement": "KeyAgreement",
    "key_cert_sign": "CertSign",
    "crl_sign": "CRLSign",
}
EXT_KEY_USAGE = {
    ExtendedKeyUsageOID.SERVER_AUTH: "ServerAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "ClientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "CodeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "EmailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "TimeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "Any",
}
SUBJECT = {
    "ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "country": NameOID.COUNTRY_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "street_address": NameOID.STREET_ADDRESS,
    "postal_code": NameOID.POSTAL_CODE,
}
KEY_TYPES = {rsa.RSAPublicKey: "rsa", ec.EllipticCurvePublicKey: "ec", ed25519.Ed25519PublicKey: "ed25519"}


def attributes(name, oid):
    return [attribute.value for attribute in name.get_attributes_for_oid(oid)]


def first(values):
    return values[0] if values else ""


def names(kind):
    def of(certificate):
        value = extension(certificate, x509.SubjectAlternativeName)
        return [str(item) for item in value.get_values_for_type(kind)] if value else []

    return of


def other_names(certificate):
    value = extension(certificate, x509.SubjectAlternativeName)
    others = value.get_values_for_type(x509.OtherName) if value else []
    # a UTF8String with a length of one octet
    return [f"{other.type_id.dotted_string};UTF8:{other.value[2:].decode()}" for other in others]


def key_usage(certificate):
    value = extension(certificate, x509.KeyUsage)
    return [name for bit, name in KEY_USAGE.items() if value and getattr(value, bit)]


def ext_key_usage(certificate):
    value = extension(certificate, x509.ExtendedKeyUsage)
    return [EXT_KEY_USAGE.get(oid, oid.dotted_string) for oid in value or []]


def access(method):
    def of(certificate):
        value = extension(certificate, x509.AuthorityInformationAccess)
        return [item.access_location.value for item in value or [] if item.access_method == method]

    return of


def points(kind):
    def of(certificate):
        value = extension(certificate, kind)
        return [name.value for point in value or [] for name in point.full_name or []]

    return of


def basic_constraints(part):
    return lambda certificate: getattr(extension(certificate, x509.BasicConstraints), part, None)


def subject(certificate):
    return {name: attributes(certificate.subject, oid) for name, oid in SUBJECT.items()}


def subject_key_id(certificate):
    value = extension(certificate, x509.SubjectKeyIdentifier)
    return value.digest.hex() if value else None


def permitted_dns(certificate):
    value = extension(certificate, x509.NameConstraints)
    return [name.value for name in value.permitted_subtrees or []] if value else []


def policies(certificate):
    return [item.policy_identifier.dotted_string for item in extension(certificate, x509.CertificatePolicies) or []]


def signature_algorithm(certificate):
    """As Go's crypto/x509 calls it."""
    if certificate.signature_hash_algorithm is None:
        return "Ed25519"
    digest = certificate.signature_hash_algorithm.name.upper()
    parameters = certificate.signature_algorithm_parameters
    if isinstance(parameters, ec.ECDSA):
        return f"ECDSA-{digest}"
    return f"{digest}-RSA{'PSS' if isinstance(parameters, padding.PSS) else ''}"


def alternative_name_extensions(certificate):
    return sum(item.oid == x509.SubjectAlternativeName.oid for item in certificate.extensions)


FACTS = {
    "cn": lambda c: first(attributes(c.subject, NameOID.COMMON_NAME)),
    "issuer_cn": lambda c: first(attributes(c.issuer, NameOID.COMMON_NAME)),
    "subject": subject,
    "subject_serial_number": lambda c: first(attributes(c.subject, NameOID.SERIAL_NUMBER)),
    "user_ids": lambda c: attributes(c.subject, NameOID.USER_ID),
    "dns_sans": names(x509.DNSName),
    "email_sans": names(x509.RFC822Name),
    "ip_sans": names(x509.IPAddress),
    "uri_sans": names(x509.UniformResourceIdentifier),
    "other_sans": other_names,
    "san_extension_count": alternative_name_extensions,
    "key_usage": key_usage,
    "ext_key_usage": ext_key_usage,
    "key_type": lambda c: KEY_TYPES.get(next((k for k in KEY_TYPES if isinstance(c.public_key(), k)), None)),
    "key_bits": lambda c: getattr(c.public_key(), "key_size", 0),
    "is_ca": lambda c: bool(basic_constraints("ca")(c)),
    "max_path_length": basic_constraints("path_length"),
    "basic_constraints_present": lambda c: extension(c, x509.BasicConstraints) is not None,
    "permitted_dns_domains": permitted_dns,
    "policy_oids": policies,
    "skid": subject_key_id,
    "signature_algorithm": signature_algorithm,
    "ocsp_urls": access(AuthorityInformationAccessOID.OCSP),
    "ca_issuers_urls": access(AuthorityInformationAccessOID.CA_ISSUERS),
    "crldp": points(x509.CRLDistributionPoints),
    "freshest_crl": points(x509.FreshestCRL),
    "not_before": lambda c: epoch(c.not_valid_before_utc),
    "not_after": lambda c: epoch(c.not_valid_after_utc),
}
REQUEST_FACTS = [  # of a CSR too
    "cn", "subject", "dns_sans", "email_sans", "ip_sans", "uri_sans", "key_usage", "key_type", "key_bits", "is_ca"
]  # fmt: skip
SYNONYMS = {"common_name": "cn", "alt_names": "dns_sans", "dns_names": "dns_sans"}
