"""The profile ha: a broker is lost, the Redis primary is lost, and no promise with them."""

import time

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource

from client import Client
from load import PREFIX
from stack import docker

WORKERS = 2
OUTAGE_SECONDS = 15  # longer than sessions of brokers and groups last


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack("ha")
    stack.up(WORKERS)
    return stack


@pytest.fixture(autouse=True)
def everything_is_ready_again(stack):
    yield
    stack.wait_ready()


def ask_meanwhile(stack):
    """Somebody new comes and is answered."""
    client = Client(stack.brokers, PREFIX)
    try:
        client.ask("issue", {"common_name": "meanwhile.example.com"}, role="web", timeout=120).data
    finally:
        client.close()


def primary(stack):
    """The host name of the Redis that the sentinels name."""
    words = ("redis-cli", "-p", "26379", "sentinel", "get-master-addr-by-name", "certmill")
    return stack.exec("sentinel-1", *words).stdout.split()[0]


def role(stack, service):
    return stack.exec(service, "redis-cli", "role").stdout.split()[0]


def wait_until(done, what, seconds=120):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.5)


def test_every_topic_has_three_replicas(stack):
    topics = AdminClient({"bootstrap.servers": stack.brokers}).list_topics(timeout=20).topics
    ours = [t for name, t in topics.items() if name.startswith(f"{PREFIX}.") or name.startswith("__")]
    assert len(ours) >= 15
    assert {len(p.replicas) for t in ours for p in t.partitions.values()} == {3}


def test_every_topic_wants_two_of_them_in_sync(stack):
    """Those of the broker's own, too: offsets and transactions are as much as the records."""
    admin = AdminClient({"bootstrap.servers": stack.brokers})
    names = {name for name in admin.list_topics(timeout=20).topics if name.startswith((f"{PREFIX}.", "__"))}
    assert {"__consumer_offsets", "__transaction_state", f"{PREFIX}.issue", f"{PREFIX}.crl"} <= names
    found = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in names])
    wanted = {resource.name: future.result(20)["min.insync.replicas"].value for resource, future in found.items()}
    assert wanted == dict.fromkeys(names, "2")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_broker_is_lost(stack, make_load, verify, number):
    """Each in turn, so that it leads, coordinates and controls in one of them."""
    (load,) = make_load(stack, None, rate=75)
    load.goes_on()
    broker = stack.container(f"kafka-{number}")
    docker("kill", "-s", "KILL", broker)
    time.sleep(OUTAGE_SECONDS)
    ask_meanwhile(stack)
    load.goes_on()
    docker("start", broker)
    load.goes_on()
    load.finish().check()
    stack.wait_ready()
    verify(stack)


def test_the_redis_primary_is_lost_and_comes_back(stack, make_load, verify):
    """Twice: each of the two has then been lost, and is the other's replica afterwards."""
    for _ in range(2):
        lost = primary(stack)
        other = {"redis-ha-1": "redis-ha-2", "redis-ha-2": "redis-ha-1"}[lost]
        (load,) = make_load(stack, None, rate=75)
        load.goes_on()
        container = stack.container(lost.replace(stack.suffix, ""))
        docker("kill", "-s", "KILL", container)
        wait_until(lambda: primary(stack) == other, f"the sentinels name {other}")
        ask_meanwhile(stack)
        docker("start", container)
        load.goes_on()
        load.finish().check()
        wait_until(lambda: role(stack, lost.replace(stack.suffix, "")) == "slave", f"{lost} follows {other}")
        verify(stack)


def test_down_and_up_again(stack, make_load, verify):
    """Whoever was the primary is it again, and nothing is folded that was not lost."""
    before = primary(stack)
    stack.down()
    stack.up(WORKERS)
    assert primary(stack) == before
    for load in make_load(stack, 300, rate=100):
        load.finish().check()
    verify(stack)
