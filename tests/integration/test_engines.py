"""The harness itself: what the other tests rest on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import client
import engines


@pytest.fixture
def topic(kafka):
    """A topic of two partitions on the shared broker."""
    name = "harness"
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1)])[name].result(20)
    yield name
    admin.delete_topics([name])[name].result(20)


def test_only_what_is_committed_is_read(kafka, topic):
    producer = Producer({"bootstrap.servers": kafka.address, "transactional.id": "harness"})
    producer.init_transactions(20)
    for value, commit in ((b"one", True), (b"two", False), (b"three", True)):
        producer.begin_transaction()
        for partition in (0, 1):
            producer.produce(topic, value, partition=partition)
        producer.flush(20)
        if commit:
            producer.commit_transaction(20)
        else:
            producer.abort_transaction(20)
    records = client.read_topic(kafka.address, topic)
    assert [(r.partition, r.value) for r in records] == [
        (0, b"one"),
        (0, b"three"),
        (1, b"one"),
        (1, b"three"),
    ]


def test_redis_keeps_its_data_through_a_kill(tmp_path):
    with engines.Redis(tmp_path) as redis:
        assert redis.command("SET", "name", "value") == b"+OK"
        time.sleep(1.2)  # the append-only file is written every second
        redis.kill()
        redis.start()
        assert redis.command("EXISTS", "name") == b":1"


def test_kafka_keeps_its_data_through_a_kill(tmp_path):
    with engines.Kafka(tmp_path) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.address})
        admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])["kept"].result(20)
        kafka.kill()
        kafka.start()
        assert client.read_topic(kafka.address, "kept") == []


def runs(state):
    """By its file in /proc, which may be gone."""
    try:
        return state.read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("server", ("Redis", "Kafka"))
def test_a_server_dies_with_the_test_that_started_it(tmp_path, server):
    program = (
        "import engines, os, sys, signal\n"
        f"print(engines.{server}(sys.argv[1]).start().pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    support = Path(engines.__file__).parent
    killed = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=support, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = Path(f"/proc/{int(killed.stdout)}/stat")
    deadline = time.monotonic() + 60
    while runs(state):
        assert time.monotonic() < deadline, f"{server} outlives its test by a minute"
        time.sleep(0.05)
