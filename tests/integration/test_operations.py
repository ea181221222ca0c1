"""Every operation on the real engines, asked and checked by programs that share no code with certmill."""

import base64
import datetime
import ipaddress
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import contract
from pki import ca_bundle, chain_verifies, csr_for, key_pem, open_jwe, seal_keys, serial_number, x25519_jwk


@pytest.fixture(scope="module")
def pki(cluster):
    """A mount with a CA of its own making and a role that most tests use."""
    client = cluster.client
    client.ask("mount/write", {"max_ttl": "8760h"}).data
    client.ask("ca/generate/root", {"common_name": "Test Root", "key_type": "ec", "ttl": "8000h"}).data
    client.ask(
        "role/write",
        {"allowed_base_domain": "example.com", "allow_subdomains": True, "max_ttl": "72h", "key_type": "ec"},
        role="web",
    ).data
    return client


def ca_of(client, mount="pki"):
    return x509.load_pem_x509_certificate(client.ask("ca/read", mount=mount).data["certificate"].encode())


def leaf_of(answer):
    return x509.load_pem_x509_certificate(answer.data["certificate"].encode())


def crl_of(client, mount="pki"):
    return x509.load_pem_x509_crl(client.ask("crl/read", mount=mount).data["crl"].encode())


def test_issue(pki):
    answer = pki.ask("issue", {"common_name": "a.example.com", "ttl": "1h"}, role="web")
    data, leaf, ca = answer.data, leaf_of(answer), ca_of(pki)
    assert chain_verifies(leaf, ca)
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "a.example.com"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.com"]
    key = serialization.load_pem_private_key(data["private_key"].encode(), None)
    assert key.public_key() == leaf.public_key()
    assert data["private_key"].startswith("-----BEGIN EC PRIVATE KEY-----")
    assert data["private_key_type"] == "ec"
    assert data["serial"] == data["serial_number"]
    assert serial_number(data["serial"]) == leaf.serial_number
    assert len(data["serial"]) == 59 and int(data["serial"][:2], 16) in range(1, 0x80)
    assert data["expiration"] == int(leaf.not_valid_after_utc.timestamp())
    assert data["lease_id"] == f"pki/issue/web/{data['serial'].replace(':', '-')}"
    assert data["renewable"] is False and 3500 <= data["lease_duration"] <= 3600
    assert data["issuing_ca"].strip() == pki.ask("ca/read").data["certificate"].strip()


def test_extensions_and_validity(pki):
    leaf, ca = leaf_of(pki.ask("issue", {"common_name": "b.example.com", "ttl": 3600}, role="web")), ca_of(pki)
    extensions = leaf.extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    assert not usage.value.key_encipherment, "no keyEncipherment for an EC key (RFC 8813)"
    assert set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    own = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
    above = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert above.key_identifier == ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert above.authority_cert_issuer is None
    assert leaf.issuer.public_bytes() == ca.subject.public_bytes()
    now = datetime.datetime.now(datetime.timezone.utc)
    assert now - datetime.timedelta(seconds=90) < leaf.not_valid_before_utc < now
    assert abs((leaf.not_valid_after_utc - now).total_seconds() - 3600) < 60


@pytest.mark.parametrize(
    "key_type, bits, kind",
    [
        ("rsa", 2048, rsa.RSAPrivateKey),
        ("rsa", 3072, rsa.RSAPrivateKey),
        ("rsa", 4096, rsa.RSAPrivateKey),
        ("ec", 224, ec.EllipticCurvePrivateKey),
        ("ec", 256, ec.EllipticCurvePrivateKey),
        ("ec", 384, ec.EllipticCurvePrivateKey),
        ("ec", 521, ec.EllipticCurvePrivateKey),
        ("ed25519", None, ed25519.Ed25519PrivateKey),
    ],
)
def test_key_types(pki, key_type, bits, kind):
    role = f"key-{key_type}-{bits}"
    params = {"allow_any_name": True, "key_type": key_type, **({"key_bits": bits} if bits else {})}
    pki.ask("role/write", params, role=role).data
    answer = pki.ask("issue", {"common_name": "k.example.com"}, role=role, timeout=60)
    key = serialization.load_pem_private_key(answer.data["private_key"].encode(), None)
    leaf = leaf_of(answer)
    assert isinstance(key, kind) and key.public_key() == leaf.public_key()
    assert bits is None or key.key_size == bits
    assert chain_verifies(leaf, ca_of(pki))


def test_rsa_over_4096_needs_the_mount(cluster, pki):
    pki.ask("role/write", {"allow_any_name": True, "key_type": "rsa", "key_bits": 8192}, role="slow").data
    assert pki.ask("issue", {"common_name": "s.example.com"}, role="slow").error["code"] == "slow_key"
    pki.ask("mount/write", {"allow_slow_keys": True, "max_ttl": "8760h"}, mount="slow").data
    pki.ask("ca/generate/root", {"common_name": "Slow Root", "key_type": "ec", "ttl": "8000h"}, mount="slow").data
    pki.ask("role/write", {"allow_any_name": True, "key_type": "rsa", "key_bits": 8192}, mount="slow", role="slow").data
    deadline = time.monotonic() + 400
    while not (answer := pki.ask("issue", {"common_name": "s.example.com"}, mount="slow", role="slow", timeout=120)).ok:
        assert answer.error["code"] == "key_timeout" and answer.error["retryable"]
        assert time.monotonic() < deadline, "no key of 8,192 bits was made"
    assert leaf_of(answer).public_key().key_size == 8192


@pytest.mark.parametrize("form", ["pem", "der", "pem_bundle"])
def test_formats(pki, form):
    data = pki.ask("issue", {"common_name": "f.example.com", "format": form}, role="web").data
    if form == "der":
        leaf = x509.load_der_x509_certificate(base64.b64decode(data["certificate"], validate=True))
        key = serialization.load_der_private_key(base64.b64decode(data["private_key"], validate=True), None)
        x509.load_der_x509_certificate(base64.b64decode(data["issuing_ca"], validate=True))
    else:
        leaf = x509.load_pem_x509_certificates(data["certificate"].encode())[0]
        key = serialization.load_pem_private_key(data["private_key"].encode(), None)
    assert key.public_key() == leaf.public_key()
    if form == "pem_bundle":
        assert "PRIVATE KEY" in data["certificate"]
        assert len(x509.load_pem_x509_certificates(data["certificate"].encode())) >= 2


def test_names(pki):
    params = {
        "common_name": "n.example.com",
        "alt_names": "m.example.com,o.example.com",
        "ip_sans": ["10.0.0.1", "2001:db8::1"],
    }
    names = leaf_of(pki.ask("issue", params, role="web")).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"n.example.com", "m.example.com", "o.example.com"}
    assert set(names.get_values_for_type(x509.IPAddress)) == {ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("2001:db8::1")}


def test_ttl_is_capped_with_a_warning(pki):
    answer = pki.ask("issue", {"common_name": "t.example.com", "ttl": "500h"}, role="web")
    assert "ttl_capped_to_max_ttl" in answer.warnings
    assert answer.data["lease_duration"] <= 72 * 3600


@pytest.mark.parametrize("key", [ec.SECP256R1(), ec.SECP384R1()], ids=lambda k: k.name)
def test_sign(pki, key):
    private = ec.generate_private_key(key)
    data = pki.ask("sign", {"csr": csr_for(private, "signed.example.com"), "common_name": "signed.example.com"}, role="web").data
    leaf = x509.load_pem_x509_certificate(data["certificate"].encode())
    assert leaf.public_key() == private.public_key() and "private_key" not in data
    assert chain_verifies(leaf, ca_of(pki))


def test_sign_uses_the_role_not_the_csr(pki):
    private = ec.generate_private_key(ec.SECP256R1())
    csr = csr_for(private, "evil.org", dns=["evil.org"])
    leaf = leaf_of(pki.ask("sign", {"csr": csr, "common_name": "good.example.com"}, role="web"))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["good.example.com"]


def test_sign_rsa(pki):
    pki.ask("role/write", {"allow_any_name": True}, role="rsa").data
    private = rsa.generate_private_key(65537, 2048)
    leaf = leaf_of(pki.ask("sign", {"csr": csr_for(private, "r.example.com"), "common_name": "r.example.com"}, role="rsa"))
    assert leaf.public_key() == private.public_key()


def test_revoke_by_serial(cluster, pki):
    issued = pki.ask("issue", {"common_name": "gone.example.com"}, role="web").data
    before = crl_of(pki)
    answer = pki.ask("revoke", {"serial_number": issued["serial"], "reason": "keyCompromise"})
    crl = crl_of(pki)
    entry = crl.get_revoked_certificate_by_serial_number(serial_number(issued["serial"]))
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    assert answer.data["state"] == "revoked"
    assert answer.data["revocation_time"] == int(entry.revocation_date_utc.timestamp())
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    assert number == answer.data["crl_number"] > before.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    assert crl.is_signature_valid(ca_of(pki).public_key())
    again = pki.ask("revoke", {"serial_number": issued["serial"].replace(":", "-")}).data
    assert again["revocation_time"] == answer.data["revocation_time"]
    read = pki.ask("cert/read", {"serial": issued["serial"]}).data
    assert read["revocation_time"] == answer.data["revocation_time"]


def test_revoke_by_certificate_with_invalidity_date(pki):
    issued = pki.ask("issue", {"common_name": "known.example.com"}, role="web").data
    params = {"certificate": issued["certificate"], "reason": "superseded", "invalidity_date": "2026-01-02T03:04:05Z"}
    assert pki.ask("revoke", params).ok
    entry = crl_of(pki).get_revoked_certificate_by_serial_number(serial_number(issued["serial"]))
    when = entry.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc
    assert when == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


def test_the_answer_comes_with_the_crl(cluster, pki):
    """The CRL that holds a revocation is committed with its answer: whoever has the answer finds it on the topic."""
    issued = pki.ask("issue", {"common_name": "same.example.com"}, role="web").data
    pki.ask("revoke", {"serial_number": issued["serial"]}).data
    last = [record for record in pki.read("crl") if record.key.startswith(b"pki/")][-1]
    crl = x509.load_der_x509_crl(last.value)
    assert crl.get_revoked_certificate_by_serial_number(serial_number(issued["serial"])) is not None
    assert int(last.header("number")) == crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    assert int(last.header("next_update")) == int(crl.next_update_utc.timestamp())


def test_rotate(pki):
    first = pki.ask("crl/rotate").data
    second = pki.ask("crl/rotate").data
    assert first["success"] and second["crl_number"] > first["crl_number"]


def test_rotate_to_a_number(pki):
    """What an operator does after a restore, so that subscribers take the new CRL for new."""
    least = pki.ask("crl/rotate").data["crl_number"] + 1000
    request = pki.request("crl/rotate", {"minimum_number": least})
    pki.send(request)
    assert pki.wait_for(request["id"]).data["crl_number"] == least
    assert pki.ask("crl/rotate", {"minimum_number": least}).data["crl_number"] == least + 1
    for wrong in (0, -1, 1 << 63):
        refused = pki.ask("crl/rotate", {"minimum_number": wrong}).error
        assert refused["field"] == "minimum_number", refused


def test_crl_expiry(pki):
    assert pki.ask("crl/config/read").data["expiry"] == "72h"
    pki.ask("crl/write", {"expiry": "24h"}).data
    assert pki.ask("crl/config/read").data["expiry"] == "24h"
    pki.ask("crl/rotate").data
    crl = crl_of(pki)
    assert crl.next_update_utc - crl.last_update_utc == datetime.timedelta(hours=24)


def test_urls(pki):
    urls = {
        "issuing_certificates": "http://a.example.com/ca.crt",
        "crl_distribution_points": ["http://a.example.com/1.crl", "http://b.example.com/2.crl"],
        "ocsp_servers": "http://ocsp.example.com",
    }
    pki.ask("urls/write", urls).data
    read = pki.ask("urls/read").data
    assert read["crl_distribution_points"] == urls["crl_distribution_points"]
    leaf = leaf_of(pki.ask("issue", {"common_name": "u.example.com"}, role="web"))
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert len(points) == 1 and [name.value for name in points[0].full_name] == urls["crl_distribution_points"]
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert {a.access_location.value for a in access} == {"http://a.example.com/ca.crt", "http://ocsp.example.com"}
    pki.ask("urls/write", {"ocsp_servers": ""}).data
    read = pki.ask("urls/read").data
    assert not read.get("ocsp_servers") and read["issuing_certificates"] == ["http://a.example.com/ca.crt"]
    pki.ask("urls/write", {"issuing_certificates": "", "crl_distribution_points": ""}).data


def test_roles(pki):
    pki.ask("role/write", {"allowed_base_domain": "r.example", "ttl": "6h", "max_ttl": "12h"}, role="one").data
    role = pki.ask("role/read", role="one").data
    assert (role["ttl"], role["max_ttl"]) == (21600, 43200)
    assert role["key_type"] == "rsa" and role["key_bits"] == 2048
    assert role["allow_localhost"] and role["allow_ip_sans"] and role["server_flag"] and role["client_flag"]
    for off in ("allow_any_name", "allow_subdomains", "allow_token_displayname", "code_signing_flag", "enforce_hostnames"):
        assert role[off] is False
    assert "one" in pki.ask("role/list").data["keys"]
    pki.ask("role/write", {"allow_any_name": True}, role="one").data
    assert pki.ask("role/read", role="one").data["max_ttl"] == 0, "role/write replaces"
    pki.ask("role/delete", role="one").data
    assert pki.ask("role/read", role="one").error["code"] == "unknown_role"
    assert "one" not in pki.ask("role/list").data["keys"]
    assert pki.ask("issue", {"common_name": "x.r.example"}, role="one").error["code"] == "unknown_role"


def test_cert_list_is_paged(pki):
    issued = {pki.ask("issue", {"common_name": f"l{i}.example.com"}, role="web").data["serial"].replace(":", "-") for i in range(7)}
    seen, after = [], None
    while True:
        page = pki.ask("cert/list", {"limit": 3, **({"after": after} if after else {})}).data
        assert len(page["keys"]) <= 3
        seen += page["keys"]
        after = page.get("next")
        if after is None:
            break
    assert len(seen) == len(set(seen)) and issued <= set(seen)


def test_cert_read(pki):
    issued = pki.ask("issue", {"common_name": "read.example.com"}, role="web").data
    assert pki.ask("cert/read", {"serial": issued["serial"]}).data["certificate"] == issued["certificate"]
    assert pki.ask("cert/read", {"serial": "ca"}).data["certificate"].strip() == issued["issuing_ca"].strip()
    x509.load_pem_x509_crl(pki.ask("cert/read", {"serial": "crl"}).data["certificate"].encode())
    unknown = pki.ask("cert/read", {"serial": "11" * 20}).error
    assert unknown["code"] in ("unknown_serial", "not_found")


def test_ca_set_with_a_sealed_key(pki):
    pki.ask("mount/write", mount="imported").data
    listed = pki.ask("mount/list", mount="imported").data
    assert "imported" in [m["mount"] for m in listed["mounts"]]
    bundle, root, intermediate = ca_bundle()
    clear = pki.ask("ca/set", {"pem_bundle": bundle}, mount="imported").error
    assert clear["code"] == "key_in_clear" and clear["field"] == "pem_bundle"
    sealed = seal_keys(bundle, listed["seal_key"])
    pki.ask("ca/set", {"pem_bundle": sealed}, mount="imported").data
    assert pki.ask("ca/set", {"pem_bundle": sealed}, mount="imported").ok, "the same certificate changes nothing"
    other, _, _ = ca_bundle()
    other = seal_keys(other, listed["seal_key"])
    assert pki.ask("ca/set", {"pem_bundle": other}, mount="imported").error["code"] == "issuer_exists"
    pki.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, mount="imported", role="any").data
    data = pki.ask("issue", {"common_name": "i.example.com", "ttl": "1h"}, mount="imported", role="any").data
    leaf = x509.load_pem_x509_certificate(data["certificate"].encode())
    leaf.verify_directly_issued_by(intermediate)
    assert [x509.load_pem_x509_certificate(pem.encode()) for pem in data["ca_chain"]][-1] in (root, intermediate)


def test_no_ca_key_in_clear_anywhere(cluster, pki):
    """What topics, Redis and logs hold of a CA that was set: its key in no form."""
    pki.ask("mount/write", mount="secret").data
    bundle, _, intermediate = ca_bundle()
    key = serialization.load_pem_private_key(bundle.encode(), None)
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    lines = key_pem(key).encode().splitlines()[1:3]  # the third has nothing private
    forms = [secret, secret.hex().encode(), secret.hex().upper().encode(), secret.hex(":").encode(), der, *lines]
    forms += [base64.b64encode(secret[i:])[:36] for i in range(3)]  # wherever it begins in what is encoded
    sealed = seal_keys(bundle, pki.ask("mount/list").data["seal_key"])
    pki.ask("ca/set", {"pem_bundle": sealed}, mount="secret").data
    pki.ask("crl/rotate", mount="secret").data  # by this very key
    places = {f"{kind} {r.key}": r.value or b"" for kind in contract.KINDS for r in pki.read(kind)}
    files = [path for path in cluster.folder.rglob("*") if path.is_file()]
    assert {"log", "worker.ini"} <= {path.name for path in files} and any("appendonly" in path.name for path in files)
    places |= {path.name: path.read_bytes() for path in files}
    assert not [(place, form) for place, value in places.items() for form in forms if form in value]


def test_seal_to(pki):
    private, jwk = x25519_jwk()
    data = pki.ask("issue", {"common_name": "sealed.example.com"}, role="web", seal_to=jwk).data
    leaf = x509.load_pem_x509_certificate(data["certificate"].encode())
    key = serialization.load_pem_private_key(open_jwe(private, data["private_key"]), None)
    assert key.public_key() == leaf.public_key()
    refused = pki.ask("issue", {"common_name": "sealed.example.com"}, role="web", seal_to={**jwk, "x": "AAAA"}).error
    assert refused["code"] == "seal_invalid" and refused["field"] == "seal_to"


def test_dry_run_changes_nothing(cluster, pki):
    before = len(pki.read("certs"))
    answer = pki.ask("issue", {"common_name": "dry.example.com"}, role="web", dry_run=True)
    assert answer.ok and "certificate" not in answer.data
    assert not pki.ask("issue", {"common_name": "evil.org"}, role="web", dry_run=True).ok
    assert len(pki.read("certs")) == before


def test_headers_travel(pki):
    request = pki.request("mount/list")
    pki.send(request, headers={"correlation-id": b"c-1", "traceparent": b"00-aa-bb-01", "source": b"forged"})
    record = pki.wait_for(request["id"]).record
    assert record.header("correlation-id") == b"c-1" and record.header("traceparent") == b"00-aa-bb-01"
    sources = [value for name, value in record.headers if name == "source"]
    assert len(sources) == 1 and sources[0].startswith(pki.topic("query").encode())
    assert record.key == request["id"].encode()


def test_spring_reply_headers(pki):
    request = pki.request("mount/list")
    pki.send(
        request,
        headers={
            "kafka_correlationId": b"\x00\x01",
            "kafka_replyTopic": pki.topic("responses").encode(),
            "kafka_replyPartition": (2).to_bytes(4, "big"),
        },
    )
    record = pki.wait_for(request["id"]).record
    assert record.partition == 2 and record.header("kafka_correlationId") == b"\x00\x01"


def test_a_lone_request_is_answered_fast(pki):
    """Not a benchmark: the fastest of lone requests must not show a forgotten wait."""
    took = []
    for _ in range(20):
        began = time.monotonic()
        pki.ask("issue", {"common_name": "fast.example.com"}, role="web").data
        took.append(time.monotonic() - began)
    assert min(took) < 1.0, f"lone requests took {sorted(took)} s"
