"""Killed, or standing still, at each arrow of the lane: one answer, one certificate. Counted by two checkers."""

import random
import threading
import time

import msgpack
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from client import open_shop
from engines import wait_until
from pki import csr_for, open_jwe, x25519_jwk
from promises import verify


def test_a_claim_is_published_whatever_it_kills(make_cluster):
    """
    Eight workers die at one message, each behind the script that made its claim: it is not given up like one that is not decided,
    for its certificate stands in Redis and would be no answer's and in no audit.
    """
    cluster = make_cluster()
    client = open_shop(cluster.client)
    cluster.worker.kill()
    request = client.request("issue", {"common_name": "a.example.com"}, role="web")
    client.send(request)
    cluster.worker.more_environment = {"CERTMILL_FAILPOINT": "after_script=kill@1"}
    for _ in range(8):
        cluster.worker.start()
        assert cluster.worker.wait(60), "the worker was not killed behind its script"
    claim = cluster.redis.ask("GET", f"cm:req:{client.topic('issue')}:{request['id']}")
    cluster.worker.more_environment = {}
    cluster.worker.start()
    answer = client.wait_for(request["id"])
    assert answer.data["serial"].replace(":", "") == msgpack.unpackb(claim)["outcome"]["serial"].hex()
    assert client.read("rejects") == []
    verify(cluster)


@pytest.mark.parametrize(("more", "joins"), ((1, False), (180, False), (180, True)))
def test_a_stale_lane_that_has_taken_nothing(make_cluster, more, joins):
    """
    A worker stands still when its partitions are assigned and not taken yet, and another is given them and answers: a new one, or
    the one that it joined, which gets them back. What the first has read of their offsets is behind then, by one step or by many,
    and Redis is not: nobody calls the view lost.
    """
    cluster = make_cluster(settings={"kafka": {"session.timeout.ms": "6000"}})
    client = open_shop(cluster.client)

    def works(count):
        while count > 0:
            asked = [client.request("issue", {"common_name": "a.example.com"}, role="web") for _ in range(min(count, 60))]
            assert all(answer.ok for answer in client.wait_for_all(client.send_all(asked), timeout=120))
            count -= 60

    works(180)
    environment = {
        "CERTMILL_FAILPOINT": "before_take=stop@1",
        "CERTMILL_LANES_CONTROL": "0",
        "CERTMILL_LANES_QUERY": "0",
    }
    if joins:
        stale = cluster.add_worker(environment)
    else:
        stale = cluster.worker
        stale.finish()
        stale.more_environment = environment
        stale.start()
    wait_until(stale.stopped, "the worker has no partition to take")
    if not joins:
        cluster.add_worker()
    works(more)
    stale.resume()
    wait_until(lambda: "lane_stopped" in stale.log(), "the stale lane goes on")
    works(180)
    assert all("view_lost" not in worker.log() for worker in cluster.workers), cluster.logs()
    verify(cluster)


@pytest.mark.parametrize("point", ("after_decide", "after_script", "after_begin", "after_produce", "after_offsets"))
def test_a_stale_lane_is_refused(make_cluster, point):
    """
    A worker stands still at the arrow for longer than its session, another is given its partitions and answers what it had in
    hand. When it goes on, Redis refuses its token before the script, and the broker its commit behind it.
    """
    cluster = make_cluster(settings={"kafka": {"session.timeout.ms": "6000"}})
    client = open_shop(cluster.client)
    stale = cluster.worker
    stale.finish()
    stale.more_environment = {"CERTMILL_FAILPOINT": f"{point}=stop@1"}
    stale.start()
    ids = client.send_all([client.request("issue", {"common_name": "a.example.com"}, role="web") for _ in range(60)])
    wait_until(stale.stopped, f"the worker did not come to {point}")
    cluster.add_worker()
    answers = client.wait_for_all(ids, timeout=120)
    assert all(answer.ok for answer in answers)
    stale.resume()
    wait_until(lambda: "lane_stopped" in stale.log(), "the stale lane goes on", 90)
    ids += client.send_all([client.request("issue", {"common_name": "b.example.com"}, role="web") for _ in range(60)])
    assert all(answer.ok for answer in client.wait_for_all(ids, timeout=120))
    client.collect(1)
    assert all(len(client.answers[i]) == 1 for i in ids)
    verify(cluster)


FAILPOINTS = ["after_poll", "after_claims", "after_decide", "after_script", "after_begin", "after_produce", "after_offsets", "after_commit"]


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_killed_at_each_arrow(make_cluster, failpoint):
    """Killed once at the arrow, restarted: every request is answered once, with one certificate."""
    cluster = make_cluster()
    client = open_shop(cluster.client)
    leaf = client.ask("issue", {"common_name": "r.example.com"}, role="web").data
    cluster.worker.kill()
    csr = csr_for(ec.generate_private_key(ec.SECP256R1()), "s.example.com")
    requests = [client.request("issue", {"common_name": f"i{i}.example.com"}, role="web") for i in range(20)]
    requests += [client.request("sign", {"csr": csr, "common_name": "s.example.com"}, role="web") for _ in range(5)]
    requests += [client.request("revoke", {"serial_number": leaf["serial"]})]
    requests += [client.request("role/write", {"allow_any_name": True}, role=f"r{i}") for i in range(3)]
    for request in requests:
        client.send(request)
    for kind in ("issue", "control"):
        worker = cluster.worker
        worker.more_environment = {"CERTMILL_FAILPOINT": f"{failpoint}=kill@{1 if kind == 'issue' else 3}"}
        worker.start()
        assert worker.wait(60), f"the worker was not killed at {failpoint}"
    worker.more_environment = {}
    worker.start()
    assert all(a.ok for a in client.wait_for_all([r["id"] for r in requests], timeout=60))
    serials = {client.answers[r["id"]][0].data["serial"] for r in requests if r["op"] in ("issue", "sign")}
    assert len(serials) == 25
    verify(cluster)


CA_FAILPOINTS = ["after_decide", "after_script", "after_produce", "after_offsets", "after_commit"]


def kill_at(cluster, failpoint, request, lose=False):
    """The worker dies at the arrow with this request in hand, as far as Redis can tell, which may forget it; then it starts unharmed."""
    stored = failpoint != "after_decide"
    claim = f"cm:req:{cluster.client.topic('config')}:{request['id']}"
    cluster.worker.kill()
    cluster.client.send(request)
    for turn in range(1, 4):
        cluster.worker.more_environment = {"CERTMILL_FAILPOINT": f"{failpoint}=kill@{turn}"}
        cluster.worker.start()
        assert cluster.worker.wait(60), f"the worker was not killed at {failpoint}"
        if not stored or cluster.redis.command("EXISTS", claim) == b":1":
            break
    else:
        raise AssertionError(f"the worker never died with {request['op']} in hand")
    if lose:
        cluster.redis.command("FLUSHALL")
    cluster.worker.more_environment = {}
    cluster.worker.start()
    answer = cluster.client.wait_for(request["id"], timeout=60)
    assert cluster.redis.command("EXISTS", claim) == b":1"
    return answer.data


@pytest.mark.parametrize("failpoint", CA_FAILPOINTS)
def test_a_ca_is_made_once_whatever_is_killed(make_cluster, failpoint):
    """What each step stored is what its answer says: one request, one certificate, and the CA issues."""
    cluster = make_cluster()
    client = open_shop(cluster.client)
    client.ask("mount/write", mount="below").data
    private, jwk = x25519_jwk()
    names = {"common_name": "Below", "key_type": "ec", "exported": "exported"}
    made = kill_at(cluster, failpoint, client.request("ca/generate/intermediate", names, mount="below", seal_to=jwk))
    csr = made["csr"]
    key = serialization.load_pem_private_key(open_jwe(private, made["private_key"]), None)
    assert x509.load_pem_x509_csr(csr.encode()).public_key() == key.public_key()
    signed = kill_at(cluster, failpoint, client.request("ca/sign", {"csr": csr, "common_name": "Below", "ttl": "1000h"}))
    kill_at(cluster, failpoint, client.request("ca/set", {"pem_bundle": signed["certificate"]}, mount="below"))
    client.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, mount="below", role="any").data
    leaf = client.ask("issue", {"common_name": "a.example.com", "ttl": "1h"}, mount="below", role="any").data
    ca = x509.load_pem_x509_certificate(signed["certificate"].encode())
    x509.load_pem_x509_certificate(leaf["certificate"].encode()).verify_directly_issued_by(ca)
    keys = [r.key for r in client.read("state") if r.key.startswith(b"pending/below/") and r.value is not None]
    assert len(keys) == 1, "one key was ever kept"
    verify(cluster)


def load(client, stop, asked, lock, chance):
    """Requests of every kind, as fast as one thread makes them."""
    csr = csr_for(ec.generate_private_key(ec.SECP256R1()), "s.example.com")
    revocable = []
    while not stop.is_set():
        kind = chance.random()
        if kind < 0.7:
            request = client.request("issue", {"common_name": "a.example.com"}, role="web")
        elif kind < 0.8:
            request = client.request("sign", {"csr": csr, "common_name": "s.example.com"}, role="web")
        elif kind < 0.9 and revocable:
            request = client.request("revoke", {"serial_number": revocable.pop()})
        else:
            request = client.request("mount/list")
        with lock:
            asked.append(request)
            client.send(request)
            client.collect(0.001)
            recent = [answers[0] for answers in list(client.answers.values())[-20:]]
            revocable += [a.data["serial"] for a in recent if a.ok and a.body["op"] in ("issue", "sign") and chance.random() < 0.05]
        time.sleep(0.002)


def test_kill_9_at_random_under_load(make_cluster):
    """Two workers, at least 20 kills at random, every kind of request."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    cluster = make_cluster(workers=2)
    client = open_shop(cluster.client)
    stop, lock, asked = threading.Event(), threading.Lock(), []
    thread = threading.Thread(target=load, args=(client, stop, asked, lock, random.Random(seed + 1)))
    thread.start()
    try:
        for _ in range(24):
            time.sleep(chance.uniform(0.2, 2.0))
            worker = chance.choice(cluster.workers)
            worker.kill()
            worker.start()
    finally:
        time.sleep(2)
        stop.set()
        thread.join()
    answers = client.wait_for_all([r["id"] for r in asked], timeout=120)
    assert len(answers) == len(asked) > 500
    time.sleep(1)
    client.collect(1)
    twice = [i for i in (r["id"] for r in asked) if len(client.answers[i]) != 1]
    assert not twice, f"{len(twice)} ids were answered more than once"
    refused = [a.error for a in answers if not a.ok]
    assert not refused, refused[:3]
    verify(cluster)


@pytest.mark.parametrize("failpoint", ("after_script", "after_produce", "after_offsets"))
def test_a_ca_of_an_aborted_transaction_is_never_used(make_cluster, failpoint):
    """
    A root is generated, its record and answer are produced, and its transaction is aborted; Redis forgets it too. Another is made
    for the same request, and of the first nothing is found: it signs nothing, and no state, CA or certificate of it is committed.
    """
    cluster = make_cluster()
    client = cluster.client
    client.ask("mount/write", {"max_ttl": "8760h"}).data
    request = client.request("ca/generate/root", {"common_name": "Root", "key_type": "ec", "ttl": "8000h"})
    made = kill_at(cluster, failpoint, request, lose=True)
    client.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, role="any").data
    leaf = client.ask("issue", {"common_name": "a.example.com", "ttl": "1h"}, role="any").data
    root = x509.load_pem_x509_certificate(made["certificate"].encode())
    x509.load_pem_x509_certificate(leaf["certificate"].encode()).verify_directly_issued_by(root)
    assert len([r for r in client.read("state") if r.key.startswith(b"issuer/")]) == 1
    assert len({r.key for r in client.read("ca") if r.key.startswith(b"pki/")}) == 1
    assert len(client.read("certs")) == 2, "the root and the leaf"
    verify(cluster)
