"""Today's roles on the real engines: what they allow stands in the certificate, as Python's cryptography reads it."""

import datetime
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from pki import chain_verifies, pem

USER_ID = x509.ObjectIdentifier("0.9.2342.19200300.100.1.1")
UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


@pytest.fixture(scope="module")
def pki(cluster):
    """A mount with today's defaults, an RSA CA, and trust in what senders say of themselves."""
    client = cluster.client
    client.ask("mount/write", {"max_ttl": "8760h", "role_defaults": "current", "trust_identity": True}).data
    client.ask("ca/generate/root", {"common_name": "Policy Root", "key_bits": 2048, "ttl": "8000h"}).data
    return client


def leaf_of(answer):
    return x509.load_pem_x509_certificate(answer.data["certificate"].encode())


def ca_of(client):
    return x509.load_pem_x509_certificate(client.ask("ca/read").data["certificate"].encode())


def codes(answer):
    return {w["code"] for w in answer.body.get("warnings", [])}


def role(pki, name, **fields):
    pki.ask("role/write", {"key_type": "ec", "allow_any_name": True, **fields}, role=name).data


def request_of(key, *extensions):
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "From the CSR"),
                x509.NameAttribute(NameOID.COMMON_NAME, "csr.example.com"),
                x509.NameAttribute(NameOID.SERIAL_NUMBER, "SN7"),
            ]
        )
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return pem(builder.sign(key, hashes.SHA256()))


def test_everything_of_a_role(pki):
    role(
        pki,
        "full",
        allowed_uri_sans=["spiffe://example/*"],
        allowed_other_sans=[f"{UPN.dotted_string};utf8:*@example.com"],
        allowed_ip_sans_cidr=["10.0.0.0/8"],
        allowed_serial_numbers=["SN*"],
        allowed_user_ids=["alice"],
        ou=["Unit 1", "Unit 2"],
        organization="Example",
        country="DE",
        province="BE",
        street_address="S 1",
        postal_code="10115",
        locality="Berlin",
        ext_key_usage="TimeStamping",
        ext_key_usage_oids="1.2.3.4",
        key_usage="DigitalSignature,KeyAgreement",
        policy_identifiers=["1.2.3", '{"oid":"1.2.4","cps":"https://example.com/cps","notice":"for tests"}'],
        basic_constraints_valid_for_non_ca=True,
        not_before_duration="1h",
        signature_bits=384,
        use_pss=True,
    )
    answer = pki.ask(
        "issue",
        {
            "common_name": "a.example.com",
            "alt_names": ["b.example.com", "user@example.com"],
            "ip_sans": "10.1.2.3",
            "uri_sans": ["spiffe://example/x"],
            "other_sans": [f"{UPN.dotted_string};utf8:me@example.com"],
            "serial_number": "SN-1",
            "user_ids": ["Alice"],
            "ttl": "1h",
            "private_key_format": "pkcs8",
            "remove_roots_from_chain": True,
        },
        role="full",
    )
    leaf, ca = leaf_of(answer), ca_of(pki)
    get = lambda oid: [a.value for a in leaf.subject.get_attributes_for_oid(oid)]
    assert get(NameOID.ORGANIZATIONAL_UNIT_NAME) == ["Unit 1", "Unit 2"] and get(NameOID.SERIAL_NUMBER) == ["SN-1"]
    assert get(USER_ID) == ["Alice"] and get(NameOID.COUNTRY_NAME) == ["DE"] and get(NameOID.POSTAL_CODE) == ["10115"]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.com", "b.example.com"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example/x"]
    assert names.get_values_for_type(x509.OtherName)[0].type_id == UPN
    policies = leaf.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert [p.policy_identifier.dotted_string for p in policies] == ["1.2.3", "1.2.4"]
    assert "https://example.com/cps" in policies[1].policy_qualifiers
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.key_agreement and not usage.key_encipherment
    assert leaf.not_valid_before_utc == ca.not_valid_before_utc, "backdated, but not to before the CA"
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < datetime.timedelta(hours=2)
    ca.public_key().verify(
        leaf.signature,
        leaf.tbs_certificate_bytes,
        padding.PSS(padding.MGF1(hashes.SHA384()), hashes.SHA384().digest_size),
        hashes.SHA384(),
    )
    data = answer.data
    assert data["private_key"].startswith("-----BEGIN PRIVATE KEY-----") and data["ca_chain"] == []
    assert serialization.load_pem_private_key(data["private_key"].encode(), None).public_key() == leaf.public_key()
    assert "lease_id" not in data, "today's default has no leases"


REFUSED = {
    "a URI": ({"uri_sans": "urn:x"}, "san_not_allowed", "uri_sans"),
    "a URI that is none": ({"uri_sans": "nothing"}, "invalid_value", "uri_sans"),
    "another name": ({"other_sans": "1.2.3;utf8:x"}, "san_not_allowed", "other_sans"),
    "an address elsewhere": ({"ip_sans": "11.1.2.3"}, "ip_not_allowed", "ip_sans"),
    "a serial number": ({"serial_number": "x"}, "subject_not_allowed", "serial_number"),
    "a user id": ({"user_ids": "x"}, "subject_not_allowed", "user_ids"),
    "a wildcard": ({"alt_names": "*.b"}, "name_not_allowed", "alt_names"),
    "an end": ({"not_after": "9999-12-31T23:59:59Z"}, "ttl_not_allowed", "not_after"),
    "a beginning": ({"not_before": "2020-01-01T00:00:00Z"}, "ttl_not_allowed", "not_before"),
    "no time": ({"not_before": "now"}, "invalid_value", "not_before"),
    "10,000 names": ({"alt_names": [f"n{i}.b" for i in range(10000)]}, "out_of_range", "alt_names"),
}


@pytest.mark.parametrize("params, code, field", REFUSED.values(), ids=REFUSED.keys())
def test_refused(pki, params, code, field):
    role(
        pki,
        "strict",
        allowed_ip_sans_cidr="10.0.0.0/8",
        allow_wildcard_certificates=False,
        not_after_bound="forbid",
        not_before_bound="duration",
    )
    error = pki.ask("issue", {"common_name": "a.b", **params}, role="strict").error
    assert (error["code"], error["field"]) == (code, field), error
    assert not error["retryable"]


def test_names_of_a_csr(pki):
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName("x.example.com"), x509.RFC822Name("u@example.com")])
    role(pki, "csr", allow_any_name=False, allowed_domains="example.com", allow_subdomains=True, allow_bare_domains=True)
    answer = pki.ask("sign", {"csr": request_of(key, names), "alt_names": "ignored.org"}, role="csr")
    assert answer.error["code"] == "subject_not_allowed", "the CSR's serialNumber counts"
    pki.ask("role/patch", {"serial_number_source": "json"}, role="csr").data
    answer = pki.ask("sign", {"csr": request_of(key, names), "alt_names": "ignored.org"}, role="csr")
    found = leaf_of(answer).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(found.get_values_for_type(x509.DNSName)) == ["csr.example.com", "x.example.com"]
    assert found.get_values_for_type(x509.RFC822Name) == ["u@example.com"]
    assert "request_sans_ignored" in codes(answer)


def test_sign_verbatim(pki):
    key = ec.generate_private_key(ec.SECP384R1())
    names = x509.SubjectAlternativeName([x509.DNSName("*.*.anything")])
    csr = request_of(key, names, x509.BasicConstraints(True, 3), x509.OCSPNoCheck())
    answer = pki.ask("sign-verbatim", {"csr": csr, "ttl": "1h"})
    leaf, ca = leaf_of(answer), ca_of(pki)
    assert chain_verifies(leaf, ca)
    assert leaf.subject == x509.load_pem_x509_csr(csr.encode()).subject
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
    assert leaf.extensions.get_extension_for_class(x509.OCSPNoCheck)
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert "basic_constraints_ignored" in codes(answer)
    request_id = str(uuid.uuid4())
    first = pki.ask("sign-verbatim", {"csr": csr}, id=request_id).data
    assert pki.ask("sign-verbatim", {"csr": csr}, id=request_id).data == first


def test_no_store(pki):
    role(pki, "fleeting", no_store=True)
    request_id = str(uuid.uuid4())
    params = {"common_name": "fleeting.example.com"}
    issued = pki.ask("issue", params, role="fleeting", id=request_id).data
    assert pki.ask("issue", params, role="fleeting", id=request_id).data == issued, "the same id, the same certificate"
    assert pki.ask("cert/read", {"serial": issued["serial"]}).error["code"] == "unknown_serial"
    assert issued["serial"].replace(":", "-") not in pki.ask("cert/list", {"limit": 1000}).data["keys"]
    assert pki.ask("revoke", {"serial": issued["serial"]}).error["code"] == "unknown_serial"
    pki.ask("revoke", {"certificate": issued["certificate"]}).data
    crl = x509.load_pem_x509_crl(pki.ask("crl/read").data["crl"].encode())
    assert crl.get_revoked_certificate_by_serial_number(int(issued["serial"].replace(":", ""), 16))


def test_templates(pki):
    role(
        pki,
        "templated",
        allow_any_name=False,
        allowed_domains="{{identity.entity.aliases.ldap.name}}.example.com",
        allowed_domains_template=True,
        allow_bare_domains=True,
    )
    identity = {"entity_id": "e1", "aliases": {"ldap": {"name": "bob"}}}
    assert pki.ask("issue", {"common_name": "bob.example.com"}, role="templated", identity=identity).ok
    assert not pki.ask("issue", {"common_name": "eve.example.com"}, role="templated", identity=identity).ok
    assert not pki.ask("issue", {"common_name": "bob.example.com"}, role="templated").ok


def test_patch_and_defaults(pki):
    pki.ask("role/write", {"ou": "a", "ttl": "1h"}, role="patched").data
    read = pki.ask("role/read", role="patched").data
    assert read["enforce_hostnames"] and read["use_csr_sans"] and not read["generate_lease"]
    pki.ask("role/patch", {"ou": ["b", "c"]}, role="patched").data
    assert pki.ask("role/read", role="patched").data == {**read, "ou": ["b", "c"]}
    error = pki.ask("role/patch", {"max_ttl": "30m"}, role="patched").error
    assert (error["code"], error["field"]) == ("role_invalid", "ttl")
    written = {k: v for k, v in read.items() if k not in ("allowed_base_domain", "allow_base_domain")}
    pki.ask("role/write", written, role="copied").data
    assert pki.ask("role/read", role="copied").data == read, "what is read can be written"


def test_any_key(pki):
    role(pki, "any", key_type="any")
    assert pki.ask("issue", {"common_name": "a.b"}, role="any").error["field"] == "key_type"
    answer = pki.ask("issue", {"common_name": "a.b", "key_type": "ed25519"}, role="any")
    assert answer.data["private_key_type"] == "ed25519" and "key_usage_not_for_key_type" in codes(answer)
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP521R1())):
        csr = pem(
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.b")]))
            .sign(key, hashes.SHA256())
        )
        assert leaf_of(pki.ask("sign", {"csr": csr}, role="any")).public_key() == key.public_key()
