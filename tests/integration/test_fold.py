"""Redis loses writes, or everything: the view is folded from the topics, and what it held before it holds again."""

import re
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import msgpack
import redis
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from client import open_shop, partitions_of
from cluster import PROGRAMS
from engines import Redis, wait_until
from kafka import KafkaAdminClient, TopicPartition
from pki import csr_for
from promises import verify

ROLE = {"allowed_base_domain": "example.com", "allow_subdomains": True, "max_ttl": "72h", "key_type": "ec"}
CSR_KEY = ec.generate_private_key(ec.SECP256R1())


def rows_of(server):
    """{key: (value, seconds until it expires or None)} of the whole view."""
    db = redis.Redis(port=server.port)
    readers = {b"string": db.get, b"hash": db.hgetall, b"zset": lambda k: dict(db.zrange(k, 0, -1, withscores=True))}
    rows = {}
    for key in db.scan_iter("cm:*", count=1000):
        ttl = db.pttl(key)
        rows[key.decode()] = (readers[db.type(key)](key), None if ttl < 0 else ttl / 1000)
    return rows


def dump_of(server):
    db = redis.Redis(port=server.port)
    return {key: (db.dump(key), max(db.pttl(key), 0)) for key in db.scan_iter("cm:*")}


def restore(server, dump):
    db = redis.Redis(port=server.port)
    db.flushall()
    for key, (value, ttl) in dump.items():
        db.restore(key, ttl, value)


def fail_over_to(server, dump):
    """Every connection ends, and what comes back holds what a replica that lagged held."""
    server.kill()
    server.start()
    restore(server, dump)


def objects(packed):
    """The msgpack objects that stand one behind the other."""
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(packed)
    return list(unpacker)


def claim_without_changes(packed):
    """The audit keeps which records of `.state` changed, not what they hold; and a folded claim says that it is one."""
    claim = msgpack.unpackb(packed, strict_map_key=False)
    claim.pop("committed")
    outcome = claim["outcome"]
    if "changes" in outcome:
        outcome["changes"] = [key for key, _ in outcome["changes"]]
    return claim


class TimeLeft:
    """Until a row expires, which two readings find a little different."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __eq__(self, other):
        return isinstance(other, TimeLeft) and abs(self.seconds - other.seconds) < 180

    def __repr__(self):
        return f"{self.seconds:.0f} s"


def comparable(rows):
    """What a fold restores: not the leaf keys, nor what belongs to a lane's session."""
    kept = {}
    for key, (value, ttl) in rows.items():
        if key.startswith("cm:key:"):
            continue
        if key.startswith("cm:own:"):
            value, ttl = value[b"step"], None
        elif key.startswith("cm:req:"):
            value = claim_without_changes(value)
        elif key.startswith("cm:cert:"):
            value = objects(value)
        kept[key] = (value, None if ttl is None else TimeLeft(ttl))
    return kept


def expiries_to_come(before, after):
    """Rows of the last batch of a partition get their expiry with the next one; a fold gives it at once."""
    for key, (value, left) in before.items():
        if left is None and key.startswith(("cm:req:", "cm:rec:", "cm:cert:")) and key in after:
            before[key] = (value, after[key][1])


def make_long_lived(client):
    """A CA under another one, whose certificate outlives what `.certs` keeps, and a key that waits for its certificate."""
    client.ask("mount/write", {"max_ttl": "26280h"}, mount="above").data
    client.ask("ca/generate/root", {"common_name": "Above", "key_type": "ec", "ttl": "20000h"}, mount="above").data
    client.ask("mount/write", mount="below").data
    csr = client.ask("ca/generate/intermediate", {"common_name": "Below", "key_type": "ec"}, mount="below").data["csr"]
    signed = client.ask("ca/sign", {"csr": csr, "common_name": "Below", "ttl": "15000h"}, mount="above").data
    client.ask("ca/set", {"pem_bundle": signed["certificate"]}, mount="below").data
    client.ask("ca/generate/intermediate", {"common_name": "Next", "key_type": "ec"}, mount="below").data
    return signed


def work(client, count=40):
    """Requests of every kind that leaves rows; returns the last leaf's answer."""
    client.ask("mount/write", {"max_ttl": "8760h"}).data
    client.ask("ca/generate/root", {"common_name": "Root", "key_type": "ec", "ttl": "8000h"}).data
    client.ask("role/write", ROLE, role="web").data
    client.ask("role/write", {**ROLE, "no_store": True}, role="unkept").data
    client.ask("role/write", ROLE, role="gone").data
    client.ask("role/delete", role="gone").data
    client.ask("urls/write", {"issuing_certificates": "http://ca.example.com/ca"}).data
    client.ask("crl/write", {"expiry": "48h"}).data
    client.ask("mount/write", mount="gone").data
    client.ask("mount/delete", mount="gone").data
    make_long_lived(client)
    csr = csr_for(CSR_KEY, "s.example.com")
    requests = [client.request("issue", {"common_name": f"i{i}.example.com"}, role="web") for i in range(count)]
    requests += [client.request("sign", {"csr": csr, "common_name": "s.example.com"}, role="web") for _ in range(5)]
    requests += [client.request("issue", {"common_name": "u.example.com"}, role="unkept") for _ in range(5)]
    requests += [client.request("issue", {"common_name": "evil.org"}, role="web")]
    for request in requests:
        client.send(request)
    answers = client.wait_for_all([r["id"] for r in requests])
    for answer in answers[:3]:
        client.ask("revoke", {"serial_number": answer.data["serial"], "reason": "superseded"}).data
    return requests, answers


def wait_whole(cluster, times=1, timeout=60):
    deadline = time.monotonic() + timeout
    while cluster.logs().count(" view_whole ") < times:
        assert time.monotonic() < deadline, f"the view was not folded in {timeout} s:\n{cluster.logs()}"
        time.sleep(0.1)


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def test_an_empty_redis_holds_the_same_again(fresh_cluster):
    requests, answers = work(fresh_cluster.client)
    before = rows_of(fresh_cluster.redis)
    fresh_cluster.redis.command("FLUSHALL")
    client = fresh_cluster.client
    again = client.ask("issue", {"common_name": "after.example.com"}, role="web", timeout=60)
    assert again.ok
    wait_whole(fresh_cluster)
    after = rows_of(fresh_cluster.redis)
    new = again.data["serial"].replace(":", "")
    want, got = comparable(before), comparable(after)
    expiries_to_come(want, got)
    own = {key for key in want if key.startswith("cm:own:")}
    # what that one request added, and the steps that it and the queries before it took
    for key in [key for key in got if new in key or again.body["id"] in key]:
        del got[key]
    got["cm:idx:pki"][0].pop(new.encode())
    got["cm:n:pki:issued"] = (b"%d" % (int(got["cm:n:pki:issued"][0]) - 1), None)
    got["cm:n:pki:serial"] = want["cm:n:pki:serial"] if int(got["cm:n:pki:serial"][0]) >= int(want["cm:n:pki:serial"][0]) else got["cm:n:pki:serial"]
    assert set(got) == set(want)
    assert {k: v for k, v in got.items() if k not in own} == {k: v for k, v in want.items() if k not in own}
    assert all(int(got[k][0]) >= int(want[k][0]) for k in own)
    verify(fresh_cluster)


def test_one_fold_for_all_lanes(fresh_cluster):
    """A lane that was idle while another folded finds rows that nobody has taken, and not a view that is lost."""
    client = fresh_cluster.client
    work(client, 2)
    fresh_cluster.redis.command("FLUSHALL")
    assert client.ask("issue", {"common_name": "after.example.com"}, role="web", timeout=60).ok
    wait_whole(fresh_cluster)
    assert client.ask("mount/tune", {"description": "after"}, timeout=60).ok
    assert client.ask("mount/list", timeout=60).ok
    assert client.ask("issue", {"common_name": "again.example.com"}, role="web", timeout=60).ok
    assert [fresh_cluster.logs().count(f" {event} ") for event in ("view_lost", "view_whole")] == [1, 1]


def test_claims_stand_again(fresh_cluster):
    """The same id gets the same certificate also when Redis burned down between; the key, which stands in no topic, is withheld."""
    requests, answers = work(fresh_cluster.client, count=5)
    client = fresh_cluster.client
    fresh_cluster.redis.command("FLUSHALL")
    client.send(requests[0])
    again = client.wait_for(requests[0]["id"], timeout=60, count=2)
    assert again.replayed and again.data["certificate"] == answers[0].data["certificate"]
    assert "private_key" not in again.data and "private_key_withheld" in again.warnings
    client.send(requests[-1])
    refused = client.wait_for(requests[-1]["id"], count=2)
    assert refused.replayed and refused.error["code"] == "name_not_allowed"
    other = {**requests[1], "params": {"common_name": "other.example.com"}}
    client.send(other)
    assert client.wait_for(other["id"], count=2).error["code"] == "request_id_conflict"
    revoked = client.ask("cert/read", {"serial": answers[0].data["serial"]}).data
    assert revoked["revocation_time"] > 0, "revoked wins over issued"
    verify(fresh_cluster)


def test_a_certificate_that_ends_before_its_claim(make_cluster):
    """Its row stands as long as the claim, which needs it for a replay; also when both are folded."""
    cluster = make_cluster(settings={"windows": {"dedup": "24h"}})
    client = open_shop(cluster.client)
    request = client.request("issue", {"common_name": "a.example.com", "ttl": "60s"}, role="web")
    client.send(request)
    serial = client.wait_for(request["id"]).data["serial"]

    def check(answers):
        """A replay, whose batch gives what the last one wrote its end."""
        client.send(request)
        assert client.wait_for(request["id"], count=answers).replayed
        db = redis.Redis(port=cluster.redis.port)
        claim, row = (db.ttl(key) for key in (f"cm:req:{client.topic('issue')}:{request['id']}", f"cm:cert:pki:{serial.replace(':', '')}"))
        assert 24 * 3600 < claim < row, (claim, row)

    check(2)
    cluster.redis.command("FLUSHALL")
    check(3)


def test_a_lost_view_whose_redis_refuses_writes(make_cluster):
    """It cannot even be said to be lost: each lane tries again, and leaves it time."""
    cluster = make_cluster()
    client = open_shop(cluster.client)
    ids = client.send_all([client.request("issue", {"common_name": "a.example.com"}, role="web") for _ in range(60)])
    client.wait_for_all(ids)
    cluster.worker.finish()
    db = redis.Redis(port=cluster.redis.port)
    db.hset(f"cm:own:{client.topic('issue')}:0", "step", 0)
    db.config_set("maxmemory", 1)
    cluster.worker.start()
    wait_until(lambda: "view_lost" in cluster.worker.log(), "the view is found to be lost")
    before = db.info("stats")["total_connections_received"]
    time.sleep(5)
    assert db.info("stats")["total_connections_received"] - before < 100
    assert db.get("cm:view") == b"ready"
    db.config_set("maxmemory", 0)
    assert client.ask("issue", {"common_name": "a.example.com"}, role="web").ok
    verify(cluster)


def test_a_redis_restored_from_yesterday(fresh_cluster):
    """Its steps are behind the committed ones: LOST, folded, and the certificates that it did not know are known."""
    client = fresh_cluster.client
    work(client, count=5)
    server = fresh_cluster.redis
    old = dump_of(server)
    late = client.request("issue", {"common_name": "late.example.com"}, role="web")
    leaf = client.wait_for(client.send(late)).data
    client.ask("revoke", {"serial_number": leaf["serial"]}).data
    restore(server, old)
    ids = [client.send(client.request("issue", {"common_name": "x.example.com"}, role="web")) for _ in range(30)]
    client.send(late)  # to the partition whose step is behind
    assert all(a.ok for a in client.wait_for_all(ids, timeout=90))
    wait_whole(fresh_cluster)
    assert client.wait_for(late["id"], count=2).data["serial"] == leaf["serial"]
    assert client.ask("cert/read", {"serial": leaf["serial"]}, timeout=60).data["revocation_time"] > 0
    verify(fresh_cluster)


def test_a_revocation_survives_a_lagging_replica_also_for_who_only_reads(fresh_cluster):
    """
    The writes of a revocation are lost, no others, and the lane that made them has nothing to do: the lane that is asked for the
    certificate must notice, though its own writes are all there.
    """
    client = fresh_cluster.client
    _, answers = work(client, count=5)
    serial = answers[4].data["serial"]
    assert not client.ask("cert/read", {"serial": serial}).data.get("revocation_time")
    server, worker = fresh_cluster.redis, fresh_cluster.worker
    old = dump_of(server)
    client.ask("revoke", {"serial_number": serial}).data
    worker.pause()
    fail_over_to(server, old)
    worker.resume()
    assert client.ask("cert/read", {"serial": serial}, timeout=90).data["revocation_time"] > 0
    verify(fresh_cluster)


# a worker that stands still keeps its partitions
PATIENT = {"kafka": {"session.timeout.ms": "120000", "max.poll.interval.ms": "120000"}}
STOPS_AFTER_ITS_SCRIPT = {"CERTMILL_FAILPOINT": "after_script=stop@1"}


def test_a_revocation_whose_write_is_lost_before_its_commit(make_cluster):
    """
    The lane that revokes stands between its script and its commit while Redis fails over to a replica without that script. Who
    reads opens its connection meanwhile and finds what is committed. The commit needs no Redis, and then the lane has nothing to
    do: it must look at its rows again by itself.
    """
    cluster = make_cluster(settings=PATIENT, workers=0)
    cluster.add_worker({"CERTMILL_LANES_CONTROL": "0"})
    revoker = cluster.add_worker({"CERTMILL_LANES_MINT": "0", "CERTMILL_LANES_QUERY": "0"})
    client = cluster.client
    _, answers = work(client, count=5)
    serial = answers[4].data["serial"]
    revoker.finish()
    revoker.more_environment |= STOPS_AFTER_ITS_SCRIPT
    revoker.start()
    old = dump_of(cluster.redis)
    request = client.send(client.request("revoke", {"serial_number": serial}))
    wait_until(revoker.stopped, "the lane did not come to its commit")
    fail_over_to(cluster.redis, old)
    assert not client.ask("cert/read", {"serial": serial}, timeout=90).data.get("revocation_time")
    revoker.resume()
    assert client.wait_for(request, timeout=90).ok
    wait_until(lambda: client.ask("cert/read", {"serial": serial}).data.get("revocation_time"), "it is read as not revoked", 90)
    verify(cluster)


def test_a_revocation_that_was_written_to_the_other_primary(make_cluster, tmp_path):
    """
    A failover that the old primary does not know of: the lane that revokes goes on there, the lane that is asked reads the new one.
    Each finds its own Redis in order. What is answered to be revoked is never read as not revoked.
    """
    cluster = make_cluster(workers=0)
    revoker = cluster.add_worker()
    client = cluster.client
    _, answers = work(client, count=5)
    serials = [answer.data["serial"] for answer in answers[4:7]]
    revoker.finish()
    with Redis(tmp_path) as other:
        restore(other, dump_of(cluster.redis))
        revoker.more_environment |= {"CERTMILL_LANES_MINT": "0", "CERTMILL_LANES_QUERY": "0"}
        revoker.start()
        cluster.add_worker({"CERTMILL_LANES_CONTROL": "0", "CERTMILL_REDIS_ADDRESS": other.address})
        assert not client.ask("cert/read", {"serial": serials[0]}, timeout=90).data.get("revocation_time")
        for serial in serials:
            client.ask("revoke", {"serial_number": serial}).data
            assert client.ask("cert/read", {"serial": serial}, timeout=90).data.get("revocation_time")
        verify(cluster)
        cluster.workers.pop().finish()


def test_one_id_on_all_partitions_while_redis_fails_over(make_cluster):
    """
    A worker stands between its scripts and its commits while Redis forgets them, and copies of the same requests stand on every
    partition. A claim that is lost cannot be made again elsewhere: an id is decided on its home, and moved there from all others.
    """
    cluster = make_cluster(settings=PATIENT, workers=0)
    stops = cluster.add_worker()
    client = cluster.client
    work(client, count=5)
    stops.finish()
    stops.more_environment |= STOPS_AFTER_ITS_SCRIPT
    old = dump_of(cluster.redis)
    stops.start()
    cluster.add_worker()
    requests = []

    def stops_at_one():
        requests.append(client.request("issue", {"common_name": "x.example.com"}, role="web"))
        for partition in range(6):
            client.send(requests[-1], partition=partition)
        return stops.stopped()

    wait_until(stops_at_one, "no lane came to its commit")
    fail_over_to(cluster.redis, old)
    stops.resume()
    for request in requests:
        serials = {client.wait_for(request["id"], timeout=120, count=n + 1).data["serial"] for n in range(6)}
        assert len(serials) == 1, f"two certificates for id {request['id']}"
    verify(cluster)


def test_killed_while_folding(make_cluster):
    """It is begun again, by whoever comes: at its begin, between its rows, at its end, and with another worker beside."""
    cluster = make_cluster(workers=0)
    cluster.add_worker()
    client = cluster.client
    work(client, count=5)
    before = comparable(rows_of(cluster.redis))
    written = set()
    for failpoint in ("fold_begun=kill", "fold_rows=kill@1", "fold_rows=kill@3", "fold_read=kill"):
        cluster.worker.kill()
        cluster.redis.command("FLUSHALL")
        cluster.worker.more_environment = {"CERTMILL_FAILPOINT": failpoint}
        cluster.worker.start()
        assert cluster.worker.wait(60), f"the worker was not killed at {failpoint}"
        rows = comparable(rows_of(cluster.redis))
        assert rows.pop("cm:view")[0] == b"folding"
        written.add(len(rows))
    assert len(written) == 4, f"not each was killed at another row: {written}"
    cluster.worker.more_environment = {}
    cluster.worker.start()
    cluster.add_worker()
    # the lock of the dead one expires first
    wait_until(lambda: cluster.redis.command("GET", "cm:view") == b"$5", "the view is whole")
    after = comparable(rows_of(cluster.redis))
    expiries_to_come(before, after)
    assert after == before
    assert client.ask("issue", {"common_name": "x.example.com"}, role="web").ok
    verify(cluster)


def test_redis_dies_while_it_is_folded(make_cluster):
    cluster = make_cluster(workers=0)
    cluster.add_worker()
    client = cluster.client
    work(client, count=5)
    cluster.worker.kill()
    cluster.redis.command("FLUSHALL")
    cluster.worker.more_environment = {"CERTMILL_FAILPOINT": "fold_read=stop@1"}
    cluster.worker.start()
    deadline = time.monotonic() + 60
    while "T" not in state_of(cluster.worker.pid):
        assert time.monotonic() < deadline, "the fold was not reached"
        time.sleep(0.1)
    cluster.redis.kill()
    cluster.redis.start()
    cluster.worker.resume()
    assert client.ask("issue", {"common_name": "x.example.com"}, role="web", timeout=120).ok
    verify(cluster)


def test_one_that_stood_still_changes_nothing(make_cluster):
    """
    A fold is stopped between reading and opening the view, its lock expires, another folds and work goes on: a certificate is
    revoked. When the first wakes, its rows would be those of before, and are refused.
    """
    cluster = make_cluster(workers=0)
    cluster.add_worker()
    client = cluster.client
    _, answers = work(client, count=5)
    cluster.worker.kill()
    cluster.redis.command("FLUSHALL")
    cluster.worker.more_environment = {"CERTMILL_FAILPOINT": "fold_read=stop@1"}
    cluster.worker.start()
    deadline = time.monotonic() + 60
    while "T" not in state_of(cluster.worker.pid):
        assert time.monotonic() < deadline, "the fold was not reached"
        time.sleep(0.1)
    cluster.redis.command("DEL", "cm:fold")  # it expires after 10 s
    cluster.add_worker()
    assert client.ask("revoke", {"serial_number": answers[4].data["serial"]}, timeout=120).ok
    cluster.worker.resume()
    deadline = time.monotonic() + 60
    while "fold_failed" not in cluster.worker.log():
        assert time.monotonic() < deadline, "the first fold was not refused"
        time.sleep(0.1)
    assert client.ask("cert/read", {"serial": answers[4].data["serial"]}, timeout=60).data["revocation_time"] > 0
    verify(cluster)


def test_a_ca_outlives_the_certs_topic(fresh_cluster):
    """After 400 days `.certs` has forgotten it; `.state` has not, so that it can be read and revoked."""
    client = fresh_cluster.client
    signed = make_long_lived(client)
    listed = client.ask("cert/list", mount="above").data
    assert len(listed["keys"]) == 2, "the root and the CA below it"
    admin = KafkaAdminClient(bootstrap_servers=fresh_cluster.kafka.address)
    topic = client.topic("certs")
    admin.delete_records({TopicPartition(topic, p): -1 for p in partitions_of(client.consumer, topic)})
    admin.close()
    assert not client.read("certs")
    assert fresh_cluster.worker_command("rebuild", "--single").returncode == 0
    read = client.ask("cert/read", {"serial": signed["serial"]}, mount="above", timeout=60).data
    assert read["certificate"] == signed["certificate"] and not read["revocation_time"]
    assert client.ask("cert/list", mount="above").data == listed
    client.ask("revoke", {"lease_id": signed["lease_id"]}, mount="above").data
    crl = x509.load_pem_x509_crl(client.ask("crl/read", mount="above").data["crl"].encode())
    assert crl.get_revoked_certificate_by_serial_number(int(signed["serial"].replace(":", ""), 16))


def test_rebuild_says_where_it_stands(fresh_cluster, monkeypatch):
    """A bar for a person, lines for a log; each row here takes its time."""
    work(fresh_cluster.client, count=10)
    monkeypatch.setenv("CERTMILL_FAILPOINT", "fold_rows=wait")
    said = fresh_cluster.worker_command("rebuild", "--single").stderr
    figures = r"(\d+) records, (\d+) %, \d+/s, \d+ s left"
    lines = re.findall(rf"^{fresh_cluster.prefix}\.[a-z]+: {figures}$", said, re.MULTILINE)
    assert len(lines) > 1, said
    assert sorted(lines, key=lambda line: [int(figure) for figure in line]) == lines and int(lines[-1][1]) <= 100
    command = shlex.join(map(str, (PROGRAMS / "certmill-worker", "rebuild", "--config", fresh_cluster.config, "--single")))
    shown = subprocess.run(["script", "-qec", command, "/dev/null"], stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
    bars = re.findall(rf"\r\[(#*) *\] {fresh_cluster.prefix}\.[a-z]+: {figures}", shown)
    assert len(bars) > 1, shown
    for bar, _, percent in bars:
        assert abs(len(bar) - 40 * int(percent) / 100) < 1, "of 40 characters"
    assert re.search(r"\n\r*the view is whole: \d+ records in \d+ s, 0 of them passed over\r\n$", shown), shown


def test_rebuild_on_demand(fresh_cluster):
    """Also twice at once, while a worker waits."""
    work(fresh_cluster.client, count=10)
    before = comparable(rows_of(fresh_cluster.redis))
    done = fresh_cluster.worker_command("rebuild", "--single")
    assert done.returncode == 0, done.stderr
    assert re.search(r"the view is whole: \d+ records in \d+ s, 0 of them passed over", done.stdout)
    after = comparable(rows_of(fresh_cluster.redis))
    expiries_to_come(before, after)
    assert after == before
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: fresh_cluster.worker_command("rebuild", "--single"), range(2)))
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    assert fresh_cluster.client.ask("issue", {"common_name": "x.example.com"}, role="web", timeout=60).ok
    verify(fresh_cluster)
