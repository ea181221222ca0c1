"""The two programs as a person uses them: the quick start, files, followers, exit statuses, commands that refuse."""

import itertools
import json
import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from cluster import PROGRAMS
from engines import free_port, wait_until
from pki import ca_bundle
from promises import verify


def ok(run):
    assert run.returncode == 0, f"ended with {run.returncode}:\n{run.stdout}\n{run.stderr}"
    return run.stdout


QUICK_START = [
    "mount pki",
    "write pki/config/ca pem_bundle=@ca_bundle.pem",
    "write pki/config/ca pem_bundle=-",
    "write pki/roles/example-dot-com allowed_base_domain=example.com allow_subdomains=true max_ttl=72h",
    "write pki/issue/example-dot-com common_name=blah.example.com",
]


@pytest.fixture(scope="module")
def shop(cluster):
    """The quick start of the source document, word for word but for the program's name; what it said is in shop.said."""
    bundle = ca_bundle()[0]
    (cluster.folder / "ca_bundle.pem").write_text(bundle)
    cluster.said = [ok(cluster.certmill(*line.split(), input=bundle if line.endswith("=-") else "")) for line in QUICK_START]
    return cluster


def test_quick_start(shop):
    *short, table = shop.said
    assert short == [
        "Successfully mounted 'pki' at 'pki'!\n",
        "Success! Data written to: pki/config/ca\n",
        "Success! Data written to: pki/config/ca\n",
        "Success! Data written to: pki/roles/example-dot-com\n",
    ]
    assert table.splitlines()[0].split() == ["Key", "Value"]
    for row in (r"^lease_id\s+pki/issue/example-dot-com/", r"^lease_duration\s+259\d\d\d$", r"^lease_renewable\s+false$",
                r"^certificate\s+-----BEGIN CERTIFICATE-----$", r"^private_key\s+-----BEGIN RSA PRIVATE KEY-----$",
                r"^serial_number\s+([0-9a-f]{2}:){19}[0-9a-f]{2}$"):  # fmt: skip
        assert re.search(row, table, re.M), f"no row {row} in\n{table}"


def test_the_bundle_on_the_topic_is_sealed(shop):
    key = serialization.load_pem_private_key((shop.folder / "ca_bundle.pem").read_bytes(), None)
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    values = [record.value for record in shop.client.read("config")]
    assert any(b"BEGIN CERTIFICATE" in value for value in values)
    assert not any(b"PRIVATE KEY" in value or secret in value for value in values)


def test_read_list_delete(shop):
    assert "-----BEGIN X509 CRL-----" in ok(shop.certmill("read", "pki/cert/crl"))
    certificate = ok(shop.certmill("write", "-field=certificate", "pki/issue/example-dot-com", "common_name=read.example.com"))
    serial = f"{x509.load_pem_x509_certificate(certificate.encode()).serial_number:040x}"
    hyphens = "-".join(re.findall("..", serial))
    assert certificate.strip() in ok(shop.certmill("read", "-field=certificate", f"pki/cert/{hyphens}"))
    assert hyphens in ok(shop.certmill("list", "pki/certs"))
    assert "example-dot-com" in ok(shop.certmill("list", "pki/roles"))
    x509.load_pem_x509_certificate(ok(shop.certmill("read", "pki/ca/pem")).encode())
    assert "success" in ok(shop.certmill("read", "pki/crl/rotate"))
    ok(shop.certmill("write", "pki/roles/gone", "allow_any_name=true"))
    ok(shop.certmill("delete", "pki/roles/gone"))
    assert "gone" not in ok(shop.certmill("list", "pki/roles"))


def test_raw_reads_are_bytes(shop):
    run = subprocess.run(
        [PROGRAMS / "certmill", "read", "pki/crl"], env={**os.environ, **shop.client_environment()}, capture_output=True, check=True
    )
    x509.load_der_x509_crl(run.stdout)


def test_json(shop):
    answer = json.loads(ok(shop.certmill("write", "-format=json", "pki/issue/example-dot-com", "common_name=j.example.com")))
    x509.load_pem_x509_certificate(answer["data"]["certificate"].encode())


def test_exit_statuses(shop, kafka):
    refused = shop.certmill("write", "pki/issue/example-dot-com", "common_name=evil.org")
    assert refused.returncode == 2 and "name_not_allowed" in refused.stderr and "common_name" in refused.stderr
    assert shop.certmill("explode").returncode == 1
    assert shop.certmill("write", "pki/no/such/path", "a=b").returncode == 1
    nobody = shop.run(["certmill", "-timeout=2s", "mounts"], {"CERTMILL_BROKERS": f"127.0.0.1:{free_port()}"})
    assert nobody.returncode == 4 and nobody.stderr
    shop.worker.pause()
    try:
        late = shop.certmill("mounts", "-timeout=2s")
    finally:
        shop.worker.resume()
    assert late.returncode == 3 and late.stderr


def test_version(shop):
    for program in ("certmill", "certmill-worker"):
        version = ok(shop.run([program, "--version"], {}))
        assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", version)


def test_the_same_id_on_the_command_line(shop):
    ask = ["write", "-field=serial_number", "-id=cli-1", "pki/issue/example-dot-com"]
    first = ok(shop.certmill(*ask, "common_name=same.example.com"))
    assert ok(shop.certmill(*ask, "common_name=same.example.com")) == first
    conflict = shop.certmill(*ask, "common_name=other.example.com")
    assert conflict.returncode == 2 and "request_id_conflict" in conflict.stderr


def test_request_file(shop):
    lines = [
        {"op": "issue", "mount": "pki", "role": "example-dot-com", "params": {"common_name": f"f{i}.example.com"}} for i in range(3)
    ] + [{"op": "issue", "mount": "pki", "role": "example-dot-com", "params": {"common_name": "evil.org"}}]
    (shop.folder / "requests").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = shop.certmill("request", "requests")
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert ["data" in a for a in answers] == [True, True, True, False] and run.returncode == 2


def test_follow_crl(shop):
    crls = shop.folder / "crls"
    ok(shop.certmill("follow", "crl", "--dir", crls, "--once"))
    (der,) = crls.rglob("*.der")
    before = x509.load_der_x509_crl(der.read_bytes())
    follower = subprocess.Popen(
        [PROGRAMS / "certmill", "follow", "crl", "--dir", crls, "--exec", f"echo ran >>{shop.folder}/ran"],
        env={**os.environ, **shop.client_environment()},
    )
    try:
        serial = ok(shop.certmill("write", "-field=serial_number", "pki/issue/example-dot-com", "common_name=r.example.com")).strip()
        ok(shop.certmill("write", "pki/revoke", f"serial_number={serial}"))
        deadline = time.monotonic() + 60
        number = int(serial.replace(":", ""), 16)
        while x509.load_der_x509_crl(der.read_bytes()).get_revoked_certificate_by_serial_number(number) is None:
            assert time.monotonic() < deadline, "the follower did not bring the CRL"
            time.sleep(0.1)
        while not (shop.folder / "ran").exists():
            assert time.monotonic() < deadline, "the command did not run"
            time.sleep(0.1)
    finally:
        follower.send_signal(signal.SIGTERM)
        follower.wait(60)
    runs = (shop.folder / "ran").read_text().count("ran")
    assert runs <= 3, f"one revocation ran the command {runs} times"
    assert before.get_revoked_certificate_by_serial_number(number) is None


def test_topics_again_changes_nothing(shop):
    shop.certmill("mounts")
    again = shop.worker_command("topics", "--single")
    assert "exists" in ok(again) and "created" not in again.stdout
    ok(shop.certmill("mounts"))


def test_check_config(shop):
    ok(shop.worker_command("check-config", "--single"))
    config = shop.config.read_text()
    strict = shop.folder / "strict.ini"
    strict.write_text(config.replace("single = true", "single = false"))
    refused = shop.run(["certmill-worker", "check-config", "--config", strict], {})
    assert refused.returncode == 1 and "replicas" in refused.stderr
    started = shop.run(["certmill-worker", "run", "--config", strict], {})
    assert started.returncode == 1 and "replicas" in started.stderr


def test_another_fleets_key_is_refused(shop):
    """One worker under another key-encryption key would make CAs that the others cannot open, and could open none of theirs."""
    other = shop.folder / "other.kek"
    other.touch(mode=0o600)
    other.write_text("17" * 32)
    config = shop.folder / "other.ini"
    config.write_text(shop.config.read_text().replace(str(shop.folder / "kek"), str(other)))
    before = [record.value for record in shop.client.read("ca") if record.key == b"fleet"]
    for command in ("check-config", "topics", "run"):
        refused = shop.run(["certmill-worker", command, "--config", config, "--single"], {})
        assert refused.returncode == 1 and "key-encryption key" in refused.stderr, f"{command}: {refused.stderr}"
    ok(shop.worker_command("topics", "--single"))
    after = [record.value for record in shop.client.read("ca") if record.key == b"fleet"]
    assert after == before and len(after) == 1, "it is written once"


def test_evicting_redis_is_refused(shop):
    shop.redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        refused = shop.worker_command("check-config", "--single")
        assert refused.returncode == 1 and "noeviction" in refused.stderr
    finally:
        shop.redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_dev_has_nothing_to_do_with_the_fleet_of_its_shell(shop):
    """What is exported for a fleet does not reach `dev`, which would write its own mount over the fleet's."""
    before = ok(shop.certmill("mounts", "-format=json"))
    fleet = {
        "CERTMILL_KAFKA_BROKERS": shop.kafka.address,
        "CERTMILL_TOPICS_PREFIX": shop.prefix,
        "CERTMILL_REDIS_ADDRESS": shop.redis.address,
        "CERTMILL_KEYS_KEK_FILE": str(shop.folder / "kek"),
    }
    dev = subprocess.Popen(
        [PROGRAMS / "certmill-worker", "dev"], env={**os.environ, **fleet}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    try:
        greeting = "".join(itertools.takewhile(lambda line: not line.startswith("Ctrl-C"), dev.stdout))
        (address,) = re.findall(r"CERTMILL_BROKERS=(\S+)", greeting)
        assert address != shop.kafka.address
        tried = shop.run(["certmill", "mounts", "-format=json"], {"CERTMILL_BROKERS": address})
        assert [mount["allow_clear_keys"] for mount in json.loads(ok(tried))["data"]["mounts"]] == [True]
    finally:
        dev.send_signal(signal.SIGTERM)
        assert dev.wait(30) == 0
    after = ok(shop.certmill("mounts", "-format=json"))
    assert json.loads(after)["data"] == json.loads(before)["data"]
    ok(shop.certmill("write", "pki/issue/example-dot-com", "common_name=dev.example.com"))


def has_no_core_dumps(pid):
    return re.search(r"Max core file size\s+0\s+0", Path(f"/proc/{pid}/limits").read_text())


def test_no_core_dumps(shop, tmp_path):
    """Of the worker, and of the client, which has private keys in passing."""
    assert has_no_core_dumps(shop.worker.pid)
    follower = subprocess.Popen(
        [PROGRAMS / "certmill", "follow", "crl", f"-dir={tmp_path}"],
        env={**os.environ, **shop.client_environment()},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20)),
    )
    try:
        wait_until(lambda: has_no_core_dumps(follower.pid), "its core dumps are not switched off")
    finally:
        follower.kill()
        follower.wait()


def test_a_double_of_the_slot_ends(make_cluster):
    """Two workers with one slot: one that is fenced again and again ends with an error instead of fencing back for ever."""
    cluster = make_cluster()
    cluster.certmill("mount", "pki")
    double = cluster.add_worker()
    cluster.workers.remove(double)
    double.kill()
    double.slot = "w0"
    double.start()
    deadline = time.monotonic() + 120
    while cluster.worker.alive() and double.alive():
        assert time.monotonic() < deadline, "both live on under one slot"
        cluster.certmill("mount", f"-path=m{int(time.monotonic() * 1000)}", "pki", "-timeout=5s")
    loser, winner = (double, cluster.worker) if cluster.worker.alive() else (cluster.worker, double)
    assert loser.status() == 1 and "slot_taken" in loser.log()
    ok(cluster.certmill("mounts"))
    cluster.workers[:] = [winner]


def test_expired_offsets_are_restored_from_the_audit(make_cluster):
    """
    Offsets of a group that was away too long are gone: `topics` puts them back from the audit, with the chain's head. What
    Redis lost meanwhile nobody could tell by them, so the view is folded.
    """
    from kafka import KafkaAdminClient

    cluster = make_cluster()
    ok(cluster.certmill("mount", "pki"))
    for i in range(5):
        ok(cluster.certmill("write", f"pki/roles/r{i}", "allow_any_name=true"))
    root = cluster.client.ask("ca/generate/root", {"common_name": "Root", "key_type": "ec"})
    cluster.worker.finish()
    cluster.redis.command("DEL", f"cm:req:{cluster.prefix}.config:{root.body['id']}")
    admin = KafkaAdminClient(bootstrap_servers=cluster.kafka.address)
    admin.delete_groups([f"{cluster.prefix}-{lane}" for lane in ("mint", "control", "query")])
    admin.close()
    cluster.worker.start()
    assert cluster.worker.wait(60), "a lane must not begin without offsets"
    assert cluster.worker.status() == 1 and "no committed offset" in cluster.worker.log()
    ok(cluster.worker_command("topics", "--single"))
    cluster.worker.start()
    assert len(ok(cluster.certmill("list", "pki/roles")).split()) >= 5
    again = cluster.client.ask("ca/generate/root", {"common_name": "Root", "key_type": "ec"}, id=root.body["id"], timeout=90)
    assert again.replayed and again.data["serial_number"] == root.data["serial_number"]
    verify(cluster)


def test_bench_says_what_it_measured(make_cluster):
    cluster = make_cluster()
    said = ok(cluster.certmill("bench", "-json", "-count=300", "-warmup=20", f"-worker-pid={cluster.worker.pid}", timeout=120))
    (line,) = said.splitlines()
    figures = json.loads(line)
    assert (figures["op"], figures["key"], figures["count"]) == ("issue", "ec-256", 300)
    assert figures["refused"] == figures["unanswered"] == 0
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    assert figures["rate_per_s"] > 0 and figures["raw_openssl_us"] > 0
    assert figures["ratio"] == pytest.approx(figures["worker_cpu_us"] / figures["raw_openssl_us"], rel=0.01)
    assert sum(r.value is not None for r in cluster.client.read("certs")) == 1 + 20 + 300, "its CA and what it counted"
