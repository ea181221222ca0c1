"""Is the fleet at rest: is every request decided, and its offset committed?"""

import time

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from client import consumer_of, partitions_of
from ledger import GROUPS


def committed(admin, prefix, group, partitions):
    request = ConsumerGroupTopicPartitions(f"{prefix}-{group}", partitions)
    (future,) = admin.list_consumer_group_offsets([request], request_timeout=20).values()
    return future.result(30).topic_partitions


def waiting(fleet):
    """How many requests no group has committed yet, and partitions that were not read to their end."""
    consumer = consumer_of(fleet.kafka.address)
    try:
        at = []
        for group, kinds in GROUPS.items():
            topics = [f"{fleet.prefix}.{kind}" for kind in kinds]
            of = [TopicPartition(topic, p) for topic in topics for p in partitions_of(consumer, topic)]
            at += [TopicPartition(p.topic, p.partition, p.offset) for p in committed(fleet.kafka.admin, fleet.prefix, group, of)]
        consumer.assign(at)
        ended, found = set(), 0
        deadline = time.monotonic() + 60
        while len(ended) < len(at) and time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.2):
                if message.error() is None:
                    found += 1
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    ended.add((message.topic(), message.partition()))
        return found + len(at) - len(ended)
    finally:
        consumer.close()


def await_rest(fleet, timeout):
    """False when it does not come to rest."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            if waiting(fleet) == 0:
                return True
        except (KafkaException, TimeoutError):
            pass
        time.sleep(1)
    return False
