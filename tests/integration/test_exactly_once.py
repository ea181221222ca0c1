"""One answer, one certificate, whatever is away or comes twice. Counted on the topics, read_committed, by two checkers."""

import signal
import time

import msgpack
from confluent_kafka import OFFSET_END, Consumer, ConsumerGroupState, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from cryptography import x509

from client import Client, create_topic, open_shop, partitions_of
from engines import wait_until
from promises import verify


def test_the_same_id_gets_the_same_answer(fresh_cluster):
    client = open_shop(fresh_cluster.client)
    request = client.request("issue", {"common_name": "a.example.com"}, role="web")
    client.send(request)
    first = client.wait_for(request["id"])
    client.send({**request, "ts": request["ts"] + 5, "deadline": 1})
    second = client.wait_for(request["id"], count=2)
    assert second.replayed and not first.replayed
    assert second.data == first.data, "the same certificate and the same private key, also past its deadline"
    client.send({**request, "params": {"common_name": "b.example.com"}})
    third = client.wait_for(request["id"], count=3)
    assert third.error["code"] == "request_id_conflict" and third.error["field"] == "id"
    verify(fresh_cluster)


def test_a_refusal_is_remembered_too(fresh_cluster):
    client = open_shop(fresh_cluster.client)
    request = client.request("issue", {"common_name": "evil.org"}, role="web")
    client.send(request)
    assert client.wait_for(request["id"]).error["code"] == "name_not_allowed"
    client.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, role="web").data
    client.send(request)
    again = client.wait_for(request["id"], count=2)
    assert again.replayed and again.error["code"] == "name_not_allowed"
    verify(fresh_cluster)


def test_a_replay_to_another_topic_has_no_key(kafka, fresh_cluster):
    client = open_shop(fresh_cluster.client)
    topic = f"{client.prefix}.responses.other"
    create_topic(kafka.address, topic)
    other = Client(kafka.address, client.prefix, reply_topic=topic)
    try:
        request = client.request("issue", {"common_name": "a.example.com"}, role="web")
        client.send(request)
        first = client.wait_for(request["id"]).data
        other.send({**request, "reply_to": topic})
        second = other.wait_for(request["id"])
        assert second.data["certificate"] == first["certificate"]
        assert "private_key" not in second.data and "private_key_withheld" in second.warnings
    finally:
        other.close()


def test_two_of_one_id_in_one_batch(fresh_cluster):
    client = open_shop(fresh_cluster.client)
    fresh_cluster.worker.pause()
    requests = [client.request("issue", {"common_name": "a.example.com"}, role="web") for _ in range(10)]
    for request in requests + requests + requests:
        client.send(request)
    fresh_cluster.worker.resume()
    for request in requests:
        answers = [client.wait_for(request["id"], count=n) for n in (1, 2, 3)]
        assert {a.data["serial"] for a in answers} == {answers[0].data["serial"]}
        assert [a.replayed for a in answers] == [False, True, True]
    verify(fresh_cluster)


def test_config_is_in_force_for_what_comes_after_its_answer(fresh_cluster):
    client = open_shop(fresh_cluster.client)
    for i in range(15):
        role = f"role{i}"
        client.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, role=role).data
        assert client.ask("issue", {"common_name": "a.example.com"}, role=role).ok
        client.ask("role/delete", role=role).data
        assert client.ask("issue", {"common_name": "a.example.com"}, role=role).error["code"] == "unknown_role"
    verify(fresh_cluster)


def test_sigterm_finishes_and_leaves(make_cluster):
    """The other worker has the partitions at once: nobody waits for a session to end, which here would take ten minutes."""
    cluster = make_cluster(settings={"kafka": {"session.timeout.ms": "600000", "max.poll.interval.ms": "600000"}}, workers=2)
    client = open_shop(cluster.client)
    ids = [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(200)]
    cluster.worker.finish()
    ids += [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(200)]
    assert all(a.ok for a in client.wait_for_all(ids, timeout=60))
    verify(cluster)


def members_of(admin, group):
    """The group's state, and its members by what they call themselves."""
    (described,) = admin.describe_consumer_groups([group], request_timeout=10).values()
    found = described.result(timeout=20)
    return found.state, {m.group_instance_id for m in found.members}


def test_sigterm_while_it_joins(make_cluster):
    """
    The group waits for the other worker before it answers this one's first JoinGroup; SIGTERM comes meanwhile. Without a
    farewell, nobody would read its partitions until its session ends.
    """
    cluster = make_cluster(settings={"kafka": {"session.timeout.ms": "600000", "max.poll.interval.ms": "600000"}})
    client = open_shop(cluster.client)
    admin = AdminClient({"bootstrap.servers": cluster.kafka.address})
    kinds = ("mint", "control")

    def all_are(state, slots):
        return all(members_of(admin, f"{client.prefix}-{k}") == (state, {f"{slot}-{k}-0" for slot in slots}) for k in kinds)

    wait_until(lambda: all_are(ConsumerGroupState.STABLE, ["w0"]), "the first worker does not join")
    cluster.worker.pause()
    late = cluster.add_worker()
    wait_until(lambda: all_are(ConsumerGroupState.PREPARING_REBALANCING, ["w0", "w1"]), "the groups do not wait for the first worker")
    late.signal(signal.SIGTERM)
    time.sleep(0.5)
    cluster.worker.resume()
    wait_until(lambda: all_are(ConsumerGroupState.STABLE, ["w0"]), "the second worker's place is kept")
    late.finish()
    ids = [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(100)]
    assert all(a.ok for a in client.wait_for_all(ids, timeout=60))
    verify(cluster)


def test_redis_down(fresh_cluster):
    """Nothing is signed, nothing is lost, the lane goes on when it is back."""
    client = open_shop(fresh_cluster.client)
    fresh_cluster.redis.stop()
    ids = [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(50)]
    time.sleep(3)
    client.collect(0.5)
    assert not any(i in client.answers for i in ids)
    fresh_cluster.redis.start()
    assert all(a.ok for a in client.wait_for_all(ids, timeout=60))
    verify(fresh_cluster)


def test_redis_killed_and_restarted_under_load(fresh_cluster):
    client = open_shop(fresh_cluster.client)
    ids = []
    for _ in range(4):
        ids += [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(100)]
        fresh_cluster.redis.kill()
        fresh_cluster.redis.start()
    assert all(a.ok for a in client.wait_for_all(ids, timeout=90))
    verify(fresh_cluster)


def test_broker_down(make_cluster, own_kafka):
    cluster = make_cluster(broker=own_kafka)
    client = open_shop(cluster.client)
    ids = [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(100)]
    own_kafka.kill()
    time.sleep(3)
    own_kafka.start()
    ids += [client.send(client.request("issue", {"common_name": "a.example.com"}, role="web")) for _ in range(100)]
    assert all(a.ok for a in client.wait_for_all(ids, timeout=120))
    verify(cluster)


def test_broker_goes_while_a_worker_starts(make_cluster, own_kafka):
    """It had answered, and is away when it is asked for the topics: the worker waits for it as if it had come first."""
    cluster = make_cluster(broker=own_kafka, workers=0)
    worker = cluster.add_worker({"CERTMILL_FAILPOINT": "engines_answer=stop@1"})
    wait_until(worker.stopped, "the worker did not come to its failpoint")
    own_kafka.kill()
    worker.resume()
    wait_until(lambda: " waiting " in worker.log(), "the worker did not say that it waits")
    assert worker.alive()
    own_kafka.start()
    assert open_shop(cluster.client, timeout=120).ask("issue", {"common_name": "a.example.com"}, role="web").ok
    assert worker.log().count(" waiting ") == 1


def test_fenced_in_the_group_by_no_double(fresh_cluster):
    """
    A broker that was away: the lane's session ends, it joins anew, and a heartbeat under its old member id comes back as
    fenced. Nobody else has its transactional id, so the lane opens a new session instead of ending for good.
    """
    client = open_shop(fresh_cluster.client)
    intruder = Consumer(
        {
            "bootstrap.servers": fresh_cluster.kafka.address,
            "group.id": f"{fresh_cluster.prefix}-mint",
            "group.instance.id": "w0-mint-0",
            "partition.assignment.strategy": "range",
            "enable.auto.commit": False,
            "log_level": 2,
        }
    )
    intruder.subscribe([client.topic("issue"), client.topic("sign")])
    deadline = time.monotonic() + 60
    while "error=fenced" not in fresh_cluster.worker.log():
        assert time.monotonic() < deadline, "the lane was not fenced"
        intruder.poll(0.1)
    assert client.ask("issue", {"common_name": "a.example.com"}, timeout=60, role="web").ok
    assert fresh_cluster.worker.alive() and "slot_taken" not in fresh_cluster.worker.log()
    intruder.close()
    verify(fresh_cluster)


def test_its_transactional_id_taken_once(fresh_cluster):
    """
    A broker that stood still goes on, and does what an earlier session of the lane had asked of it: the id is taken from the
    session of now. Nobody else has the slot, so the lane opens another instead of ending for good.
    """
    client = open_shop(fresh_cluster.client)
    settings = {"bootstrap.servers": fresh_cluster.kafka.address, "transactional.id": f"{fresh_cluster.prefix}-w0-mint-0"}
    Producer(settings).init_transactions(30)
    assert client.ask("issue", {"common_name": "a.example.com"}, timeout=60, role="web").ok
    assert "error=fenced" in fresh_cluster.worker.log(), "the lane was not fenced"
    assert fresh_cluster.worker.alive() and "slot_taken" not in fresh_cluster.worker.log()
    verify(fresh_cluster)


def test_a_view_that_lost_writes_stops_the_lanes(fresh_cluster):
    """Nothing is signed until the view is folded; here another process, which stands still, holds the fold's lock for a while."""
    client = open_shop(fresh_cluster.client)
    client.ask("issue", {"common_name": "a.example.com"}, role="web").data
    assert fresh_cluster.redis.command("FLUSHALL") == b"+OK"
    assert fresh_cluster.redis.command("SET", "cm:fold", "somebody", "PX", "12000") == b"+OK"
    request = client.request("issue", {"common_name": "b.example.com"}, role="web")
    client.send(request)
    time.sleep(5)
    client.collect(0.5)
    assert request["id"] not in client.answers, "nothing is signed on a view that lost what was committed"
    assert client.wait_for(request["id"], timeout=90).ok
    log = fresh_cluster.worker.log()
    assert log.count(" view_lost ") == 1 and log.count(" view_whole ") == 1, log
    verify(fresh_cluster)


def test_restored_step_counter_is_noticed(fresh_cluster):
    """Redis that comes back from yesterday holds an older step."""
    client = open_shop(fresh_cluster.client)
    for _ in range(5):
        client.ask("mount/list").data
    rows = [f"cm:own:{client.topic('query')}:{p}" for p in range(6)]
    for row in rows:
        fresh_cluster.redis.command("HSET", row, "step", "0")
    ids = [client.send(client.request("mount/list")) for _ in range(12)]
    assert all(a.ok for a in client.wait_for_all(ids, timeout=90))
    assert "view_lost" in fresh_cluster.worker.log(), "the counter went back and nobody noticed"
    verify(fresh_cluster)


def test_retention_takes_what_comes_next(fresh_cluster):
    """
    A log that begins behind the committed offset: by a transaction's marker where a partition was quiet for a week (the
    CA's crl/rotate, which its lane sent itself, was the last on .revoke), or by requests that nobody decided in time.
    """
    client, worker = open_shop(fresh_cluster.client), fresh_cluster.worker
    serial = client.ask("issue", {"common_name": "a.example.com"}, role="web").data["serial"]
    wait_until(lambda: client.ask("crl/read", {}).ok, "the CA has no CRL")
    worker.finish()
    client.send(client.request("issue", {"common_name": "late.example.com"}, role="web"))
    topics = [f"{client.prefix}.{kind}" for kind in ("issue", "revoke")]
    ends = [TopicPartition(topic, p, OFFSET_END) for topic in topics for p in partitions_of(client.consumer, topic)]
    admin = AdminClient({"bootstrap.servers": client.brokers})
    for deleted in admin.delete_records(ends).values():
        deleted.result(30)
    worker.start()
    assert client.ask("revoke", {"serial_number": serial}).ok
    ids = client.send_all([client.request("issue", {"common_name": "b.example.com"}, role="web") for _ in range(20)])
    assert all(answer.ok for answer in client.wait_for_all(ids))
    expired = [line for line in worker.log().splitlines() if "messages_expired" in line]
    assert {f"topic={topic}" for topic in topics} == {word for line in expired for word in line.split() if word.startswith("topic=")}
    verify(fresh_cluster)


def test_a_topic_that_is_made_anew(fresh_cluster):
    """`.state` is gone and made again under a worker: it decides nothing by what it held before, until it is started again."""
    client, worker = open_shop(fresh_cluster.client), fresh_cluster.worker
    topic = client.topic("state")
    admin = AdminClient({"bootstrap.servers": client.brokers})
    admin.delete_topics([topic])[topic].result(30)
    wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, "the topic is gone")
    assert fresh_cluster.worker_command("topics", "--single").returncode == 0
    request = client.request("issue", {"common_name": "a.example.com"}, role="web")
    client.send(request)
    wait_until(lambda: f"{topic}/0 ends at" in worker.log(), "the worker sees it")
    assert request["id"] not in client.answers
    worker.finish()
    worker.start()
    assert client.wait_for(request["id"]).error["code"] == "unknown_mount"


def revive_until(cluster, done, what):
    """Starts the worker again whenever it has died."""

    def is_done():
        if not cluster.worker.alive():
            cluster.worker.start()
        return done()

    cluster.client.wait_until(is_done, 150, what)


def send_around_pill(make_cluster, failpoint, pill):
    """To a worker that such a message kills: (cluster, the id of the message with the pill, those of its neighbours)."""
    cluster = make_cluster(workers=0)
    cluster.add_worker({"CERTMILL_FAILPOINT": failpoint})
    client = open_shop(cluster.client)
    client.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, role="any").data
    names = [f"b{i}.example.com" for i in range(20)] + [f"{pill}.example.com"] + [f"a{i}.example.com" for i in range(20)]
    ids = [client.send(client.request("issue", {"common_name": name}, role="any")) for name in names]
    return cluster, ids.pop(20), ids


def test_a_request_that_kills_its_worker(make_cluster):
    """Five deaths at one offset: the message goes to .rejects and is answered; its neighbours are answered."""
    cluster, pill, ids = send_around_pill(make_cluster, "poison=kill", "poison-pill")
    client = cluster.client
    revive_until(cluster, lambda: all(i in client.answers for i in [pill, *ids]), "the pill and its neighbours")
    assert client.answers[pill][0].error["code"] == "internal"
    assert all(client.answers[i][0].ok for i in ids)
    rejects = client.read("rejects")
    assert len(rejects) == 1 and msgpack.unpackb(rejects[0].value)["id"] == pill
    verify(cluster)


def test_a_message_that_kills_who_reads_it(make_cluster):
    """Nobody can say whose it is: after five deaths it goes to .rejects unread, and its neighbours are answered."""
    cluster, pill, ids = send_around_pill(make_cluster, "poison_read=kill", "unreadable-pill")
    client = cluster.client
    revive_until(cluster, lambda: all(i in client.answers for i in ids), "the pill's neighbours")
    assert all(client.answers[i][0].ok for i in ids) and pill not in client.answers
    (reject,) = client.read("rejects")
    assert msgpack.unpackb(reject.value)["id"] == pill and dict(reject.headers)["reason"] == b"internal"
    verify(cluster)


def test_a_replay_that_kills_its_worker(make_cluster):
    """An id that was answered comes again and kills five workers: that one is refused, is no replay, and the first keeps its answer."""
    cluster = make_cluster(workers=0)
    worker = cluster.add_worker()
    client = open_shop(cluster.client)
    client.ask("role/write", {"allow_any_name": True, "key_type": "ec"}, role="any").data
    pill = client.request("issue", {"common_name": "poison-pill.example.com"}, role="any")
    client.send(pill)
    assert client.wait_for(pill["id"]).ok
    worker.more_environment = {"CERTMILL_FAILPOINT": "poison=kill"}
    worker.finish()
    client.send(pill)

    revive_until(cluster, lambda: len(client.answers[pill["id"]]) == 2, "the pill's second message")
    refused = client.answers[pill["id"]][1]
    assert refused.error["code"] == "internal" and not refused.replayed
    assert client.read("rejects")
    worker.more_environment = {}
    worker.finish()
    worker.start()
    client.send(pill)
    again = client.wait_for(pill["id"], count=3)
    assert again.replayed and again.data["serial"] == client.answers[pill["id"]][0].data["serial"]
    verify(cluster)


def test_crl_owner_publishes_again_what_is_not_its_own(fresh_cluster):
    """An older CRL that somebody writes onto the topic does not stay the last of its key."""
    client = open_shop(fresh_cluster.client)
    leaf = client.ask("issue", {"common_name": "a.example.com"}, role="web").data
    client.ask("crl/rotate").data
    old = [r for r in client.read("crl")][-1]
    client.ask("revoke", {"serial_number": leaf["serial"]}).data
    client.producer.produce(old.topic, old.value, old.key, headers=old.headers)
    client.producer.flush(10)
    deadline = time.monotonic() + 60
    while True:
        last = client.read("crl")[-1]
        crl = x509.load_der_x509_crl(last.value)
        if last.offset > old.offset + 2 and crl.get_revoked_certificate_by_serial_number(int(leaf["serial"].replace(":", ""), 16)):
            break
        assert time.monotonic() < deadline, "the injected CRL stayed"
        time.sleep(0.3)
