"""What RFC 5280 and certmill's own promises say of every certificate, request and CRL, read with parsers that are not its own:
asn1crypto for the bytes, cryptography for what they mean. A check is a generator of what it finds wrong."""

import hashlib
import re
import warnings
from datetime import datetime, timezone

from asn1crypto import core, parser
from asn1crypto import crl as asn1_crl
from asn1crypto import csr as asn1_csr
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from entries import KEYS
from keys import USAGES

# it counts octets, where RFC 5280 counts characters; pkilint holds their number against its bounds
warnings.filterwarnings("ignore", "Attribute's length")

SHORT = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.POSTAL_CODE: "postalCode",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.USER_ID: "UID",
}
# RFC 5280 4.2 and 5.2, 5.3
CRITICAL = {"basicConstraints", "keyUsage", "issuingDistributionPoint"}
SIGNS = {"digitalSignature", "contentCommitment"}
# RFC 3279 2.3.1, RFC 8813 3, RFC 8410 5
FIT_FOR = {
    "rsa": SIGNS | {"keyEncipherment", "dataEncipherment"},
    "ec": SIGNS | {"keyAgreement", "encipherOnly", "decipherOnly"},
    "ed25519": SIGNS,
}
REASONS = {
    "cACompromise": x509.ReasonFlags.ca_compromise,
    "aACompromise": x509.ReasonFlags.aa_compromise,
    **{reason.value: reason for reason in x509.ReasonFlags},
}
DER_CLASSES = {
    "certificate": asn1_x509.Certificate,
    "csr": asn1_csr.CertificationRequest,
    "crl": asn1_crl.CertificateList,
}


def judge(artifact):
    """All that is wrong with it."""
    found = []
    for check in CHECKS[artifact.kind]:
        try:
            found += check(artifact)
        except Exception as error:  # noqa: BLE001 what a parser raises of what it cannot read is a finding
            found.append(f"{check.__name__}: {type(error).__name__}: {error}")
    return found


# --- the bytes --------------------------------------------------------------------------------------------------------


def der_faults(der):
    """Where DER is not the one encoding: lengths, booleans, integers, unused bits, the order of a set."""
    while der:
        *_, tag, _, contents, trailer = element = parser.parse(der)
        of_class, method = element[:2]
        whole = parser.emit(of_class, method, tag, contents)
        if trailer or not der.startswith(whole):
            yield f"a length of more octets than it needs, or none: {der[:8].hex()}"
            return
        der = der[len(whole) :]
        if method == 1:
            yield from der_faults(contents)
        if (of_class, tag) in ((0, 1), (0, 2), (0, 3), (0, 17)):
            yield from primitive_faults(tag, contents)


def primitive_faults(tag, contents):
    if tag == 1 and contents not in (b"\0", b"\xff"):
        yield f"a boolean of {contents.hex()}"
    if tag == 2 and len(contents) > 1 and contents[0] in (0, 0xFF) and (contents[0] ^ contents[1]) < 0x80:
        yield f"an integer of {contents.hex()}"
    if tag == 3 and (contents[0] > 7 or contents[-1] & ((1 << contents[0]) - 1)):
        yield f"a bit string of {contents.hex()}"
    if tag == 17:
        members = []
        while contents:
            member = parser.peek(contents)
            members.append(contents[:member])
            contents = contents[member:]
        if members != sorted(members):
            yield "a set out of order"


def encoding(artifact):
    """DER, inside the extensions too, and nothing behind it."""
    parsed = DER_CLASSES[artifact.kind].load(artifact.der, strict=True)
    yield from der_faults(artifact.der)
    if artifact.kind == "certificate":
        for one in parsed["tbs_certificate"]["extensions"]:
            yield from der_faults(one["extn_value"].contents)
    elif artifact.kind == "crl":
        for one in parsed["tbs_cert_list"]["crl_extensions"]:
            yield from der_faults(one["extn_value"].contents)


def inner_and_outer_algorithm(artifact):
    parsed = DER_CLASSES[artifact.kind].load(artifact.der)
    body = "tbs_cert_list" if artifact.kind == "crl" else "tbs_certificate"
    if parsed["signature_algorithm"].dump() != parsed[body]["signature"].dump():
        yield "signatureAlgorithm is not the one that is signed"


def times_of(artifact):
    """Of times that may stand in either form. An invalidityDate is always a GeneralizedTime (5.3.2)."""
    if artifact.kind == "certificate":
        validity = asn1_x509.Certificate.load(artifact.der)["tbs_certificate"]["validity"]
        return [validity["not_before"].chosen, validity["not_after"].chosen]
    body = asn1_crl.CertificateList.load(artifact.der)["tbs_cert_list"]
    revoked = [entry["revocation_date"].chosen for entry in body["revoked_certificates"] or []]
    return [body["this_update"].chosen, body["next_update"].chosen, *revoked]


def time_form(artifact):
    """RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050, to the second, in Z."""
    for time in times_of(artifact):
        utc = isinstance(time, core.UTCTime)
        if utc != (1950 <= time.native.year < 2050):
            yield f"{time.native} is a {type(time).__name__}"
        if not re.fullmatch(rb"\d{12}Z" if utc else rb"\d{14}Z", time.contents):
            yield f"a time reads {time.contents}"


def serial_form(artifact):
    contents = asn1_x509.Certificate.load(artifact.der)["tbs_certificate"]["serial_number"].contents
    if len(contents) > 20 or contents[0] & 0x80 or not any(contents):
        yield f"serial number {contents.hex()}"


def issuer_bytes(artifact):
    """The issuer's name, byte for byte."""
    above = asn1_x509.Certificate.load(artifact.chain[0]).subject.dump()
    parsed = DER_CLASSES[artifact.kind].load(artifact.der)
    body = "tbs_cert_list" if artifact.kind == "crl" else "tbs_certificate"
    if parsed[body]["issuer"].dump() != above:
        yield f"issuer {parsed[body]['issuer'].dump().hex()}, not {above.hex()}"


# --- certificates -----------------------------------------------------------------------------------------------------


def extension(thing, kind):
    """The value of an extension, or None."""
    try:
        return thing.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def signature(artifact):
    artifact.parsed.verify_directly_issued_by(artifact.parents()[0])
    return []


def version(artifact):
    if artifact.parsed.version is not x509.Version.v3:
        yield f"version {artifact.parsed.version}"


def validity(artifact):
    """Not empty, and within the issuer's."""
    own, issuer = artifact.parsed, artifact.parents()[0]
    if own.not_valid_before_utc > own.not_valid_after_utc:
        yield "ends before it begins"
    if own.not_valid_before_utc < issuer.not_valid_before_utc or own.not_valid_after_utc > issuer.not_valid_after_utc:
        yield "is valid when its issuer is not"


def key_ids(artifact):
    """SKI is there, AKI is the issuer's SKI and no more."""
    own, issuer = artifact.parsed, artifact.parents()[0]
    own_id = extension(own, x509.SubjectKeyIdentifier)
    above = extension(own, x509.AuthorityKeyIdentifier)
    if own_id is None or above is None:
        yield "has no key identifiers"
        return
    bits = asn1_x509.Certificate.load(artifact.der).public_key["public_key"].contents[1:]
    if own_id.digest != hashlib.sha1(bits).digest():
        yield f"subject key id {own_id.digest.hex()}"
    if above.key_identifier != extension(issuer, x509.SubjectKeyIdentifier).digest:
        yield f"authority key id {above.key_identifier.hex()}"
    if above.authority_cert_issuer or above.authority_cert_serial_number:
        yield "authority key id has more than the key id"


def extensions(artifact):
    """None twice; critical what has to be."""
    body = asn1_x509.Certificate.load(artifact.der)["tbs_certificate"]
    names = [e["extn_id"].dotted for e in body["extensions"]]
    if len(set(names)) != len(names):
        yield f"extensions {names}"
    for one in artifact.parsed.extensions:
        critical = one.oid._name in CRITICAL
        if isinstance(one.value, x509.SubjectAlternativeName):
            critical = not list(artifact.parsed.subject)
        if isinstance(one.value, x509.ExtendedKeyUsage):
            critical = ExtendedKeyUsageOID.TIME_STAMPING in one.value  # RFC 3161 2.3
        if one.critical != critical:
            yield f"{one.oid._name} is {'' if one.critical else 'not '}critical"


def public_key(artifact):
    """The key is of the kind that was asked for."""
    key, (kind, bits) = artifact.parsed.public_key(), KEYS[artifact.key]
    classes = {"rsa": rsa.RSAPublicKey, "ec": ec.EllipticCurvePublicKey, "ed25519": ed25519.Ed25519PublicKey}
    if not isinstance(key, classes[kind]) or (bits and key.key_size != bits):
        yield f"has a key that is not {artifact.key}"


def usages_of(certificate):
    value = extension(certificate, x509.KeyUsage)
    if value is None:
        return []
    agrees = value.key_agreement
    only = {"encipherOnly", "decipherOnly"}
    return [name for name, flag in USAGES.items() if (agrees or name not in only) and getattr(value, flag)]


def key_usage(artifact):
    usages = usages_of(artifact.parsed)
    if artifact.is_ca:
        if not {"keyCertSign", "cRLSign"} <= set(usages):
            yield f"key usage {usages} of a CA"
        return
    unfit = set(usages) - FIT_FOR[KEYS[artifact.key][0]]
    if unfit:
        yield f"key usage {sorted(unfit)} of an {artifact.key} key"
    yield from differs("key usage", usages, artifact.expect["key_usage"])


def basic_constraints(artifact):
    value = extension(artifact.parsed, x509.BasicConstraints)
    if artifact.is_ca:
        if value is None or not value.ca or value.path_length != artifact.expect.get("path_length"):
            yield f"basic constraints {value}"
    elif (value is not None) != artifact.expect.get("basic_constraints", False) or (value and value.ca):
        yield f"basic constraints {value}"


# --- what was asked for -----------------------------------------------------------------------------------------------


def differs(what, got, wanted):
    got, wanted = sorted(got), sorted(wanted)
    if got != wanted:
        yield f"{what} {got}, not {wanted}"


def subject(artifact):
    got = [f"{SHORT.get(one.oid, one.oid.dotted_string)}={one.value}" for one in artifact.parsed.subject]
    yield from differs("subject", got, artifact.expect["subject"])


def name_text(name):
    prefixes = {
        x509.DNSName: "dns",
        x509.RFC822Name: "email",
        x509.IPAddress: "ip",
        x509.UniformResourceIdentifier: "uri",
    }
    if isinstance(name, x509.OtherName):
        value = core.UTF8String.load(name.value, strict=True)
        return f"other:{name.type_id.dotted_string};{value.native}"
    return f"{prefixes[type(name)]}:{name.value}"


def names(artifact):
    value = extension(artifact.parsed, x509.SubjectAlternativeName)
    yield from differs("names", map(name_text, value or []), artifact.expect["names"])


def purposes(artifact):
    value = extension(artifact.parsed, x509.ExtendedKeyUsage)
    wanted = [] if artifact.is_ca else artifact.expect["eku"]
    yield from differs("extended key usage", (oid.dotted_string for oid in value or []), wanted)


def policies(artifact):
    value = extension(artifact.parsed, x509.CertificatePolicies)
    got = (policy.policy_identifier.dotted_string for policy in value or [])
    yield from differs("policies", got, artifact.expect.get("policies", []))


def dates(artifact):
    own = artifact.parsed
    for name, got in (("not_before", own.not_valid_before_utc), ("not_after", own.not_valid_after_utc)):
        wanted = artifact.expect.get(name)
        if wanted and got != datetime.strptime(wanted, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc):
            yield f"{name} {got}, not {wanted}"


def algorithm(artifact):
    """The digest, and PSS or not, where a role chose; PSS has the salt's length of its digest."""
    wanted, own = artifact.expect.get("signature"), artifact.parsed
    if wanted is None:
        return
    parameters = own.signature_algorithm_parameters
    is_pss = isinstance(parameters, padding.PSS)
    got = f"{'pss' if is_pss else 'pkcs1'}-{own.signature_hash_algorithm.name}"
    if got != wanted:
        yield f"signed by {got}, not {wanted}"
    if is_pss and parameters._salt_length != own.signature_hash_algorithm.digest_size:
        yield f"a salt of {parameters._salt_length} octets"


def answer(artifact):
    """The answer says of the certificate what it says itself; its key is the certificate's, its chain the CA's."""
    data, own = artifact.expect.get("answer"), artifact.parsed
    if data is None:
        return
    if int(data["serial_number"].replace(":", ""), 16) != own.serial_number:
        yield f"the answer says serial number {data['serial_number']}"
    if data["expiration"] != int(own.not_valid_after_utc.timestamp()):
        yield f"the answer says that it expires at {data['expiration']}"
    chain = [x509.load_pem_x509_certificate(text.encode()) for text in data["ca_chain"]]
    if not chain or chain != artifact.parents()[: len(chain)]:
        yield "the answer's ca_chain is not the chain of the CA"
    if "private_key" in data:
        key = serialization.load_pem_private_key(data["private_key"].encode(), None)
        if key.public_key() != own.public_key():
            yield "the answer's private key is another's"


# --- requests and CRLs ------------------------------------------------------------------------------------------------


def request_signature(artifact):
    if not artifact.parsed.is_signature_valid:
        yield "its signature is wrong"


def crl_signature(artifact):
    if not artifact.parsed.is_signature_valid(artifact.parents()[0].public_key()):
        yield "its signature is wrong"


def crl_form(artifact):
    """RFC 5280 5.1, 5.2: version 2, number and AKI that are not critical, no empty list of entries."""
    body = asn1_crl.CertificateList.load(artifact.der)["tbs_cert_list"]
    if body["version"].native != "v2":
        yield f"version {body['version'].native}"
    own = artifact.parsed
    if extension(own, x509.CRLNumber) is None:
        yield "has no number"
    above = extension(own, x509.AuthorityKeyIdentifier)
    issuer_id = extension(artifact.parents()[0], x509.SubjectKeyIdentifier).digest
    if above is None or above.key_identifier != issuer_id or above.authority_cert_issuer:
        yield f"authority key id {above}"
    if own.last_update_utc > own.next_update_utc:
        yield "nextUpdate is before thisUpdate"
    if not isinstance(body["revoked_certificates"], core.Void) and len(body["revoked_certificates"]) == 0:
        yield "has an empty list of entries"
    for one in own.extensions:
        if one.critical != (one.oid._name in CRITICAL):
            yield f"{one.oid._name} is {'' if one.critical else 'not '}critical"


def crl_entries(artifact):
    """Exactly what was revoked, each with its reason (none for unspecified: 5.3.1) and its invalidity date."""
    own = artifact.parsed
    yield from differs("entries", (entry.serial_number for entry in own), artifact.entries)
    for serial, asked in artifact.entries.items():
        entry = own.get_revoked_certificate_by_serial_number(serial)
        if entry is None:
            yield f"does not find {serial:x}"
            continue
        reason = extension(entry, x509.CRLReason)
        wanted = REASONS[asked.get("reason", "unspecified")]
        wanted = None if wanted is x509.ReasonFlags.unspecified else wanted
        if (reason and reason.reason) != wanted:
            yield f"{serial:x}: reason {reason}, not {wanted}"
        since = extension(entry, x509.InvalidityDate)
        got = since and since.invalidity_date_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        if got != asked.get("invalidity_date"):
            yield f"{serial:x}: invalid since {got}"
        if any(one.critical for one in entry.extensions):
            yield f"{serial:x}: a critical extension"


CHECKS = {
    "certificate": [
        *(encoding, inner_and_outer_algorithm, time_form, serial_form, issuer_bytes, signature, version, validity),
        *(key_ids, extensions, public_key, key_usage, basic_constraints, subject, names, purposes, policies, dates),
        *(algorithm, answer),
    ],
    "csr": [encoding, request_signature, public_key, subject],
    "crl": [
        *(encoding, inner_and_outer_algorithm, time_form, issuer_bytes, crl_signature, crl_form, crl_entries),
    ],
}


def judge_together(artifacts):
    """What only the whole spread shows, as (id, finding): no issuer gives a serial number twice, CRL numbers rise."""
    seen, numbers = {}, {}
    for artifact in artifacts:
        if artifact.kind == "certificate":
            key = (artifact.parsed.issuer.public_bytes(), artifact.parsed.serial_number)
            if key in seen:
                yield artifact.id, f"has the serial number of {seen[key]}"
            seen[key] = artifact.id
        elif artifact.kind == "crl":
            number = extension(artifact.parsed, x509.CRLNumber).crl_number
            before = numbers.get(artifact.chain[0])
            if before and (number < before[0] or (number == before[0]) != (artifact.der == before[1])):
                yield artifact.id, f"number {number} after {before[0]}"
            numbers[artifact.chain[0]] = (number, artifact.der)
