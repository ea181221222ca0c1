"""pkilint's lint_pkix_cert, lint_pkix_signer_signee_cert_chain, lint_crl and lint_cabf_serverauth_cert, and badkeys, each as its
command does it: all that is wrong with an artifact, or None where the tool does not know its kind."""

import re
from functools import cache

import badkeys
from cryptography.x509.oid import SignatureAlgorithmOID
from pkilint import finding_filter, loader, pkix, validation
from pkilint.bin import lint_pkix_signer_signee_cert_chain as chain
from pkilint.cabf import cabf_crl, serverauth
from pkilint.pkix import certificate, crl, extension, name

LOADERS = {
    "certificate": loader.RFC5280CertificateDocumentLoader(),
    "crl": loader.RFC5280CertificateListDocumentLoader(),
}
# the block lists are what has to be downloaded; the others have all they need with them
KEY_CHECKS = [*badkeys.defaultchecks, *badkeys.warningchecks]
KEY_CHECKS.remove("blocklist")

# RFC 1034 3.5 with RFC 1123 2.1, behind a wildcard or not
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"(\*\.)?{LABEL}(\.{LABEL})*")
# RFC 3986 3; the schemes that pkilint knows are left to it
URI = re.compile(r"(?!https?:|ftps?:|ldap:)[a-z][a-z0-9+.-]*:([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def is_host(node):
    """pkilint wants two labels and no wildcard. RFC 1034's syntax takes one, and RFC 5280 4.2.1.6 leaves wildcards to those
    who use them (RFC 9525 6.3)."""
    return HOST.fullmatch(str(node.pdu)) is not None


def is_uri(node):
    """pkilint knows the schemes of web addresses alone."""
    return URI.fullmatch(str(node.pdu)) is not None


def is_pss(node):
    """pkilint verifies every RSA signature as one of PKCS #1 v1.5. The parsers verify it as what it is."""
    return node.document.cryptography_object.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS


# what pkilint takes for an error and is none
NO_ERROR = {
    "pkix.invalid_domain_name_syntax": is_host,
    "pkix.invalid_uri_syntax": is_uri,
    "pkix.signature_verification_failed": is_pss,
}


def is_no_error(code, node):
    return code in NO_ERROR and NO_ERROR[code](node)


def errors(results):
    for result in results:
        for found in result.finding_descriptions:
            is_error = found.finding.severity <= validation.ValidationFindingSeverity.ERROR
            if is_error and not is_no_error(found.finding.code, result.node):
                message = f": {found.message}" if found.message else ""
                yield f"{found.finding.code} at {result.node.path}{message}"


@cache
def pkix_certificate():
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


@cache
def pkix_crl(public_tls):
    kind = crl.CertificateRevocationListType.CRL
    dates = [cabf_crl.create_validity_period_validator(kind)] if public_tls else []
    reasons = [cabf_crl.CabfCrlReasonCodeAllowlistValidator(kind)] if public_tls else []
    return crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container(dates),
            crl.create_extensions_validator_container([]),
            *reasons,
        ],
    )


@cache
def serverauth_certificate(kind):
    return certificate.create_pkix_certificate_validator_container(
        serverauth.create_decoding_validators(), serverauth.create_validators(kind)
    )


def chain_results(artifact):
    documents = {}
    for who, der in (("issuer", artifact.chain[0]), ("subject", artifact.der)):
        documents[who] = LOADERS["certificate"].load_der_document(der, who, who, documents)
    decoders = chain.create_decoder_validation_container()
    yield from decoders.validate(documents["issuer"].root)
    yield from decoders.validate(documents["subject"].root)
    yield from chain.create_issuer_validation_container().validate(documents["issuer"].root)
    yield from chain.create_subject_validation_container().validate(documents["subject"].root)


def public_tls_results(document):
    kind = serverauth.determine_certificate_type(document)
    results = serverauth_certificate(kind).validate(document.root)
    kept, _ = finding_filter.filter_results(serverauth.create_serverauth_finding_filters(kind), results)
    return kept


def pkilint(artifact):
    if artifact.kind not in LOADERS:
        return None
    try:
        document = LOADERS[artifact.kind].load_der_document(artifact.der, artifact.id)
    except ValueError as error:
        return [f"does not parse: {error}"]
    if artifact.kind == "crl":
        return [*errors(pkix_crl(artifact.public_tls).validate(document.root))]
    found = [*errors(pkix_certificate().validate(document.root)), *errors(chain_results(artifact))]
    return found + [*errors(public_tls_results(document))] if artifact.public_tls else found


def was_asked_for(result, artifact):
    """8192 bits are unusual, and what the role says."""
    return result.get("subtest") == "unusual_keysize" and artifact.key == "rsa-8192"


def check_keys(artifact):
    check = {"certificate": badkeys.checkcrt, "csr": badkeys.checkcsr}.get(artifact.kind)
    if check is None:
        return None
    said = check(artifact.pem(), KEY_CHECKS)
    if said["type"] not in ("rsa", "ec"):
        return [f"the key is {said['type']}: {said.get('errmsg', '')}"]
    return [f"{name}: {result}" for name, result in said["results"].items() if not was_asked_for(result, artifact)]
