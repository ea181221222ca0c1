"""CAs under CAs, CAs that follow one another, mounts that come and go; chains are checked by openssl."""

import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pki import ca_bundle, open_jwe, seal_keys, x25519_jwk

ANY = {"allow_any_name": True, "key_type": "ec"}


def open_root(cluster):
    """Mount `root` with a root CA; what is returned asks as Client.ask does, for an answer's data."""

    def ask(op, params=None, mount="root", **envelope):
        return cluster.client.ask(op, params, mount=mount, **envelope).data

    ask("mount/write", {"max_lease_ttl": "26280h"})
    ask("urls/write", {"crl_distribution_points": "http://root.example.com/{{issuer}}.crl", "issuing_certificates": "http://root.example.com/ca"})
    ask("ca/generate/root", {"common_name": "Root", "key_type": "ec", "ttl": "20000h"})
    return ask


@pytest.fixture(scope="module")
def ask(cluster):
    return open_root(cluster)


def certificate(text):
    return x509.load_pem_x509_certificate(text.encode())


def serial_of(text):
    return int(text.replace(":", "").replace("-", ""), 16)


def crl_of(ask, mount):
    return x509.load_pem_x509_crl(ask("crl/read", mount=mount)["crl"].encode())


def openssl_verify(folder, root, intermediates, leaf, crls=()):
    """What openssl says of the chain; with CRLs, of every certificate's revocation."""
    paths = {"root": [root], "between": intermediates, "leaf": [leaf], "crls": crls}
    for name, texts in paths.items():
        (folder / name).write_text("".join(texts))
    command = ["openssl", "verify", "-x509_strict", "-CAfile", folder / "root", "-untrusted", folder / "between"]
    if crls:
        command += ["-crl_check_all", "-CRLfile", folder / "crls"]
    return subprocess.run([*map(str, command), str(folder / "leaf")], capture_output=True, text=True, timeout=60, check=False)


def make_intermediate(ask, mount, **more):
    """A mount whose CA was made in it and signed by root."""
    ask("mount/write", mount=mount)
    csr = ask("ca/generate/intermediate", {"common_name": f"CA of {mount}", "key_type": "ec"}, mount=mount)["csr"]
    signed = ask("ca/sign", {"csr": csr, "common_name": f"CA of {mount}", "ttl": "10000h", **more})
    ask("ca/set", {"pem_bundle": signed["certificate"]}, mount=mount)
    ask("role/write", {**ANY, "max_ttl": "1h"}, mount=mount, role="any")
    return signed


def test_an_intermediate_is_made_signed_set_and_issues(ask, tmp_path):
    signed = make_intermediate(ask, "below", max_path_length=0)
    root = ask("ca/read")["certificate"]
    leaf = ask("issue", {"common_name": "a.example.com"}, mount="below", role="any")
    assert leaf["issuing_ca"].strip() == signed["certificate"].strip()
    assert [c.strip() for c in signed["ca_chain"]] == [signed["certificate"].strip(), root.strip()]
    done = openssl_verify(tmp_path, root, [signed["certificate"]], leaf["certificate"])
    assert done.returncode == 0, done.stdout + done.stderr
    ca = certificate(signed["certificate"])
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and constraints.value == x509.BasicConstraints(True, 0)
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign and usage.crl_sign and not usage.digital_signature
    points = ca.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert len(points) == 1 and "{{" not in points[0].full_name[0].value


def test_the_chain_is_checked_with_its_crls(ask, tmp_path):
    """Revoked by its lease, a CA takes everything under it along."""
    signed = make_intermediate(ask, "revocable")
    leaf = ask("issue", {"common_name": "a.example.com"}, mount="revocable", role="any")["certificate"]
    root = ask("ca/read")["certificate"]

    def verify():
        crls = [ask("crl/read", mount=mount)["crl"] for mount in ("root", "revocable")]
        return openssl_verify(tmp_path, root, [signed["certificate"]], leaf, crls)

    assert verify().returncode == 0, verify().stderr
    assert ask("revoke", {"lease_id": signed["lease_id"]})["state"] == "revoked"
    assert crl_of(ask, "root").get_revoked_certificate_by_serial_number(serial_of(signed["serial"]))
    assert verify().returncode != 0 and "revoked" in verify().stderr


def test_mounts_side_by_side(cluster, ask):
    """Each has its CA, roles, CRL and limits; a serial number of one is unknown to the other."""
    for mount, ttl in (("left", "2h"), ("right", "3h")):
        make_intermediate(ask, mount)
        ask("mount/tune", {"default_ttl": "1h", "max_ttl": ttl}, mount=mount)
        ask("role/write", ANY, mount=mount, role="any")
        issued = ask("issue", {"common_name": "a.example.com", "ttl": "100h"}, mount=mount, role="any")
        assert abs(issued["lease_duration"] - int(ttl[0]) * 3600) < 5
        assert certificate(issued["certificate"]).issuer == certificate(ask("ca/read", mount=mount)["certificate"]).subject
    for params in ({"serial": issued["serial"]}, {"lease_id": issued["lease_id"]}, {"certificate": issued["certificate"]}):
        assert not cluster.client.ask("revoke", params, mount="left").ok
    ask("revoke", {"certificate": issued["certificate"]}, mount="right")
    assert crl_of(ask, "right").get_revoked_certificate_by_serial_number(serial_of(issued["serial"]))
    assert len(crl_of(ask, "left")) == 0


def test_a_replaced_ca_keeps_its_crl(cluster, ask):
    seal_key = ask("mount/list")["seal_key"]
    ask("mount/write", mount="replaced")
    bundles = [ca_bundle() for _ in range(2)]
    ask("ca/set", {"pem_bundle": seal_keys(bundles[0][0], seal_key)}, mount="replaced")
    ask("role/write", ANY, mount="replaced", role="any")
    old = ask("issue", {"common_name": "old.example.com"}, mount="replaced", role="any")
    second = {"pem_bundle": seal_keys(bundles[1][0], seal_key)}
    assert cluster.client.ask("ca/set", second, mount="replaced").error["code"] == "issuer_exists"
    ask("ca/set", {**second, "replace": True}, mount="replaced")
    new = ask("issue", {"common_name": "new.example.com"}, mount="replaced", role="any")
    certificate(new["certificate"]).verify_directly_issued_by(bundles[1][2])
    ask("revoke", {"serial": old["serial"]}, mount="replaced")
    last = last_crls(cluster, "replaced")
    assert len(last) == 2
    (crl,) = [c for c in last.values() if c.issuer == bundles[0][2].subject and c.is_signature_valid(bundles[0][2].public_key())]
    assert crl.get_revoked_certificate_by_serial_number(serial_of(old["serial"]))
    ask("crl/rotate", mount="replaced")
    numbers = {key: number_of(c) for key, c in last_crls(cluster, "replaced").items()}
    assert all(numbers[key] > number_of(c) for key, c in last.items()), "every CRL of the mount is made again"


def number_of(crl):
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def last_crls(cluster, mount):
    """The newest CRL of each issuer of the mount, from the topic."""
    records = [r for r in cluster.client.read("crl") if r.key.startswith(mount.encode() + b"/")]
    return {r.key: x509.load_der_x509_crl(r.value) for r in records}


def test_a_deleted_mount_revokes_and_issues_nothing(cluster, ask):
    make_intermediate(ask, "gone")
    leaf = ask("issue", {"common_name": "a.example.com"}, mount="gone", role="any")
    ask("mount/delete", mount="gone")
    assert "gone" not in [m["mount"] for m in ask("mount/list")["mounts"]]
    for op, params, role in (("issue", {"common_name": "b.example.com"}, "any"), ("role/read", {}, "any"), ("ca/sign", {"csr": "x"}, None)):
        assert cluster.client.ask(op, params, mount="gone", role=role).error["code"] == "unknown_mount"
    assert ask("revoke", {"lease_id": leaf["lease_id"]}, mount="gone")["state"] == "revoked"
    assert crl_of(ask, "gone").get_revoked_certificate_by_serial_number(serial_of(leaf["serial"]))
    assert ask("cert/read", {"serial": leaf["serial"].upper()}, mount="gone")["revocation_time"] > 0
    again = cluster.client.ask("mount/write", mount="gone")
    assert "mount_was_deleted" in again.warnings
    assert cluster.client.ask("issue", {"common_name": "c.example.com"}, mount="gone", role="any").error["code"] == "no_issuer"
    assert cluster.client.ask("role/read", mount="gone", role="any").error["code"] == "unknown_role"
    ask("ca/generate/root", {"common_name": "After", "key_type": "ec"}, mount="gone")
    ask("role/write", ANY, mount="gone", role="any")
    new = ask("issue", {"common_name": "d.example.com", "ttl": "1h"}, mount="gone", role="any")
    assert certificate(new["certificate"]).issuer != certificate(leaf["certificate"]).issuer


def test_exported_keys_are_sealed(cluster, ask):
    private, jwk = x25519_jwk()
    ask("mount/write", mount="exported")
    params = {"common_name": "Exported", "key_type": "ec", "exported": "exported"}
    refused = cluster.client.ask("ca/generate/intermediate", params, mount="exported").error
    assert refused["code"] == "missing_field" and refused["field"] == "seal_to"
    client = cluster.client
    request = client.request("ca/generate/intermediate", params, mount="exported", seal_to=jwk)
    client.send(request)
    first = client.wait_for(request["id"]).data
    key = serialization.load_pem_private_key(open_jwe(private, first["private_key"]), None)
    csr = x509.load_pem_x509_csr(first["csr"].encode())
    assert csr.is_signature_valid and csr.public_key() == key.public_key()
    client.send(request)
    second = client.wait_for(request["id"], count=2)
    again = serialization.load_pem_private_key(open_jwe(private, second.data["private_key"]), None)
    assert second.replayed and again.public_key() == key.public_key() and second.data["csr"] == first["csr"]
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    for kind in ("config", "state", "responses", "audit"):
        assert all(secret not in (record.value or b"") for record in client.read(kind)), kind


def test_a_ca_that_lives_long_is_in_state(cluster, ask):
    ask("mount/write", mount="long")
    csr = ask("ca/generate/intermediate", {"common_name": "Long", "key_type": "ec"}, mount="long")["csr"]
    signed = ask("ca/sign", {"csr": csr, "common_name": "Long", "ttl": "15000h"})
    key = f"certificate/root/{signed['serial'].replace(':', '')}".encode()
    (record,) = [r for r in cluster.client.read("state") if r.key == key]
    (same,) = [r for r in cluster.client.read("certs") if r.key == key[len(b"certificate/") :]]
    assert record.value == same.value
    assert x509.load_der_x509_certificate(record.body()["certificate"]) == certificate(signed["certificate"])


def test_expired_entries_leave_the_crl_and_storage(make_cluster):
    """On one CRL past its end; then it is on none, its record is a tombstone, and its row in Redis has an end."""
    cluster = make_cluster(settings={"windows": {"clocks": "2s"}})
    ask = open_root(cluster)
    make_intermediate(ask, "short")
    leaf = ask("issue", {"common_name": "a.example.com", "ttl": "60s"}, mount="short", role="any")
    serial, key = serial_of(leaf["serial"]), f"short/{leaf['serial'].replace(':', '')}".encode()
    ask("revoke", {"serial": leaf["serial"]}, mount="short")
    assert crl_of(ask, "short").get_revoked_certificate_by_serial_number(serial)
    time.sleep(max(0, leaf["expiration"] + 1 - time.time()))
    ask("crl/rotate", mount="short")
    time.sleep(2)
    ask("crl/rotate", mount="short")
    assert crl_of(ask, "short").get_revoked_certificate_by_serial_number(serial), "by another clock it had not ended when the last was made"
    time.sleep(2)
    ask("crl/rotate", mount="short")
    assert crl_of(ask, "short").get_revoked_certificate_by_serial_number(serial) is None
    assert [r.value for r in cluster.client.read("revoked") if r.key == key][-1] is None
    row = f"cm:cert:short:{key.decode().split('/')[1]}"
    left = int(cluster.redis.command("TTL", row).lstrip(b":"))
    assert 0 < left <= 24 * 3600
    again = ask("revoke", {"serial": leaf["serial"]}, mount="short")
    assert again["state"] == "revoked", "the first revocation is still known"
    late = ask("issue", {"common_name": "b.example.com", "ttl": "1s"}, mount="short", role="any")
    time.sleep(2)
    answer = cluster.client.ask("revoke", {"serial": late["serial"]}, mount="short")
    assert answer.data["state"] == "expired" and "certificate_expired" in answer.warnings
    assert crl_of(ask, "short").get_revoked_certificate_by_serial_number(serial_of(late["serial"])) is None
