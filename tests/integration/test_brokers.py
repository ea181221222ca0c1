"""Three brokers: what moves between them moves without the workers standing still."""

import random
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from brokers import Brokers
from client import create_topic, open_shop
from promises import verify

REPLICATED = {"worker": {"single": "false"}}

pytestmark = pytest.mark.timeout(450)


@pytest.fixture(scope="module")
def brokers():
    folder = Path(tempfile.mkdtemp(prefix="certmill-test-"))
    three = Brokers(folder)
    try:
        three.start()
        yield three
    finally:
        three.kill()
        shutil.rmtree(folder)


def works(client):
    """Kafka itself may take its time until somebody else leads."""
    began = time.monotonic()
    requests = [client.request("issue", {"common_name": "a.example.com"}, role="web"), client.request("crl/rotate")]
    answers = client.wait_for_all(client.send_all(requests), timeout=150)
    assert all(a.ok for a in answers), [a.body for a in answers]
    print(f"answered in {time.monotonic() - began:.1f} s")


def test_leaders_that_move_again_and_again(make_cluster, brokers):
    """Nobody is away: no lane has to stop for it."""
    cluster = make_cluster(broker=brokers, settings=REPLICATED)
    client = open_shop(cluster.client)
    chance = random.Random(1)
    for _ in range(4):
        brokers.move_leaders(chance)
        works(client)
    assert "offset of" not in cluster.worker.log(), cluster.worker.log()
    assert cluster.worker.alive(), cluster.worker.log()
    verify(cluster)


def test_a_leader_that_freezes(make_cluster, brokers):
    """
    The leader of .state and of .crl stands still, and others lead in its place: who asks for their high watermarks asks these,
    also while the one that it remembers does not even refuse.
    """
    cluster = make_cluster(broker=brokers, settings=REPLICATED)
    client = open_shop(cluster.client)
    for _ in range(2):
        frozen = brokers.leader(client.topic("state"))
        frozen.pause()
        try:
            works(client)
        finally:
            frozen.resume()
        deadline = time.monotonic() + 60
        while not brokers.whole():
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert cluster.worker.alive(), cluster.worker.log()
    verify(cluster)


@pytest.mark.parametrize("replicas, settings", ((1, {}), (2, {"min_insync_replicas": 2})))
def test_a_reply_topic_that_one_broker_can_hold_up(make_cluster, brokers, replicas, settings):
    """No transaction that answers there could end while a broker is away, and the lane would wait for it with everybody's requests."""
    client = open_shop(make_cluster(broker=brokers, settings=REPLICATED).client)
    topic = f"{client.prefix}.responses.fragile"
    create_topic(brokers.address, topic, replicas=replicas, **settings)
    error = client.ask("issue", {"common_name": "a.example.com"}, role="web", reply_to=topic).error
    assert (error["code"], error["field"]) == ("reply_to_not_allowed", "reply_to")
    assert "replicas" in error["message"]


def test_a_group_whose_coordinator_moves(make_cluster, brokers):
    """A cert/read asks where the control lanes stand; whoever answered that a moment ago answers for their group no more."""
    cluster = make_cluster(broker=brokers, settings=REPLICATED)
    client = open_shop(cluster.client)
    issued = client.ask("issue", {"common_name": "a.example.com"}, role="web")
    chance = random.Random(1)
    for _ in range(6):
        read = client.ask("cert/read", {"serial_number": issued.data["serial_number"]})
        assert read.ok, read.body
        brokers.move_leaders(chance, only_coordinators=True)
    assert "Not coordinator" not in cluster.worker.log()
    verify(cluster)
