"""Redis under TLS, with a user and a password: what is wrong is named at the start, by its setting, and nothing goes in clear."""

import datetime
import functools
import ipaddress
import re
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from client import open_shop
from engines import ROOT, GuardedRedis, Redis
from pki import DAY, ca_certificate, key_pem, name, pem
from promises import verify
from test_sentinel import serves

PASSWORD = "s3cret-of-the-worker"


def leaf(subject, ca, ca_key, alternatives):
    """A certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName(alternatives), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
        .sign(ca_key, hashes.SHA256())
    )
    return pem(certificate), key_pem(key)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """PEM files by name: ca, other_ca, server, server_key (of localhost and 127.0.0.1), worker, worker_key."""
    folder = tmp_path_factory.mktemp("tls")
    found = {}

    def keep(what, text):
        found[what] = folder / f"{what}.pem"
        found[what].touch(mode=0o600)
        found[what].write_text(text)

    ca_key, other_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = ca_certificate("Redis CA", ca_key, name("Redis CA"), ca_key)
    keep("ca", pem(ca))
    keep("other_ca", pem(ca_certificate("Other CA", other_key, name("Other CA"), other_key)))
    here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    for who, alternatives in (("server", here), ("worker", [x509.DNSName("worker")])):
        certificate, key = leaf(who, ca, ca_key, alternatives)
        keep(who, certificate)
        keep(f"{who}_key", key)
    keep("password", f"{PASSWORD}\n")
    keep("wrong_password", "guess\n")
    keep("users", "")
    keep("open_key", found["worker_key"].read_text())
    found["open_key"].chmod(0o620)
    return found


def server_of(files, kind=Redis):
    """
    Makes a Redis, or a guarded one, that wants a certificate of its clients, and has no user but `admin` and `worker`, who may
    do what docs/operations.md gives it.
    """
    manual = (ROOT / "docs" / "operations.md").read_text()
    rights = re.search(r"^ +user certmill on >PASSWORD (.*)$", manual, re.MULTILINE)[1]
    context = ssl.create_default_context(cafile=files["ca"])
    context.load_cert_chain(files["worker"], files["worker_key"])
    users = {"admin": "~* &* +@all", "worker": rights, "default": "-@all"}
    settings = {
        "tls-cert-file": files["server"],
        "tls-key-file": files["server_key"],
        "tls-ca-cert-file": files["ca"],
        "tls-replication": "yes",
        "aclfile": files["users"],
        "masteruser": "admin",
        "masterauth": PASSWORD,
    }
    lines = [f"user {user} {'off' if user == 'default' else 'on'} >{PASSWORD} {may}" for user, may in users.items()]
    files["users"].write_text("\n".join(lines) + "\n")
    return functools.partial(kind, settings=settings, tls=context, login=("admin", PASSWORD))


def settings_of(files, **changes):
    """Settings of [redis] that work, but for the changes; None takes one out."""
    settings = {
        "user": "worker",
        "password_file": files["password"],
        "tls": "true",
        "tls_ca_file": files["ca"],
        "tls_cert_file": files["worker"],
        "tls_key_file": files["worker_key"],
        **changes,
    }
    return {"redis": {key: value for key, value in settings.items() if value is not None}}


@pytest.fixture
def secured(make_cluster, files):
    """A cluster on such a Redis, and no worker yet."""
    return make_cluster(settings_of(files), workers=0, redis=server_of(files))


def refusals(cluster, files, changes):
    cluster.settings = settings_of(files, **changes)
    cluster.write_config()
    return [cluster.worker_command(command) for command in ("check-config", "run")]


def test_it_works(secured):
    """A fold does, too: whatever the worker does, its user may."""
    secured.add_worker()
    client = open_shop(secured.client)
    serves(client)
    leaf = client.ask("issue", {"common_name": "a.example.com"}, role="web").data
    client.ask("revoke", {"serial_number": leaf["serial"]}).data
    assert leaf["serial"].replace(":", "-") in client.ask("cert/list").data["keys"]
    assert secured.redis.command("FLUSHALL") == b"+OK"
    serves(client)
    assert client.ask("cert/read", {"serial": leaf["serial"]}).data["revocation_time"] > 0
    assert " view_whole " in secured.worker.log(), secured.worker.log()
    verify(secured)


WRONG = {
    "the password": ({"password_file": "wrong_password"}, ["redis.password_file", "WRONGPASS"]),
    "no password": ({"password_file": None, "user": None}, ["redis.password_file", "NOAUTH"]),
    "no such file": ({"password_file": "/nowhere"}, ["redis.password_file", "/nowhere"]),
    "another CA": ({"tls_ca_file": "other_ca"}, ["redis.tls_ca_file", "certificate"]),
    "the system's CAs": ({"tls_ca_file": None}, ["redis.tls_ca_file"]),
    "another name": ({"tls_name": "redis.example.com"}, ["redis.tls_name", "mismatch"]),
    "another address": ({"tls_name": "127.0.0.2"}, ["redis.tls_name", "mismatch"]),
    "no certificate": ({"tls_cert_file": None, "tls_key_file": None}, ["redis.tls_cert_file", "wants a certificate"]),
    "a certificate without its key": ({"tls_key_file": None}, ["redis.tls_cert_file and redis.tls_key_file"]),
    "the key of another": ({"tls_key_file": "server_key"}, ["redis.tls_key_file", "mismatch"]),
    "a key that others may write": ({"tls_key_file": "open_key"}, ["redis.tls_key_file", "mode 620"]),
    "a certificate for a key": ({"tls_key_file": "worker"}, ["redis.tls_key_file"]),
    "half in clear": ({"tls": "false"}, ["redis.tls is false"]),
}


def test_what_is_wrong_is_named(secured, files):
    for what, (changes, wanted) in WRONG.items():
        changes = {k: files.get(v, v) for k, v in changes.items()}
        for done in refusals(secured, files, changes):
            said = [word in done.stderr for word in wanted]
            assert done.returncode == 1 and all(said), f"{what}: {done.stderr}"
            assert PASSWORD not in done.stderr and "guess" not in done.stderr


def test_in_clear_is_refused_by_both(secured, files):
    """A worker in clear gets nothing of a Redis under TLS, and one under TLS sends nothing to a Redis in clear."""
    clear = dict.fromkeys(("tls", "tls_ca_file", "tls_cert_file", "tls_key_file"))
    secured.settings = settings_of(files, **clear)
    secured.write_config()
    done = secured.worker_command("check-config")
    assert done.returncode == 1 and "does Redis want redis.tls" in done.stderr, done.stderr
    with Redis(secured.folder / "clear") as redis:
        secured.settings = settings_of(files, address=redis.address, timeout="1s")
        secured.write_config()
        done = secured.worker_command("check-config")
        assert done.returncode == 1 and "does the server speak TLS" in done.stderr, done.stderr


def test_sentinels_under_tls(make_cluster, files):
    """The same settings reach the sentinels, which want a password of their own, the first primary, and the next."""
    settings = settings_of(files, sentinel_password_file=files["password"])
    cluster = make_cluster(settings, redis=server_of(files, GuardedRedis))
    client, redis = open_shop(cluster.client), cluster.redis
    serves(client)
    old = redis.primary
    old.kill()
    redis.wait_for_failover(old)
    serves(client)
    verify(cluster)
    for password, wanted in ((files["wrong_password"], "WRONGPASS"), (None, "NOAUTH")):
        for done in refusals(cluster, files, {"sentinel_password_file": password}):
            assert done.returncode == 1 and wanted in done.stderr, done.stderr
            assert "redis.sentinel_password_file" in done.stderr, done.stderr
