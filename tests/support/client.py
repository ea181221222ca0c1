"""An independent client: confluent-kafka and msgpack, and of certmill's nothing but the published schemas."""

import sys
import time
import uuid
from dataclasses import dataclass

import msgpack
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

import contract

# the topic that takes each operation
TOPICS = {
    "issue": ["issue"],
    "sign": ["sign", "sign-verbatim"],
    "revoke": ["revoke", "crl/rotate"],
    "config": [
        "mount/write",
        "mount/delete",
        "mount/tune",
        "ca/set",
        "ca/generate/root",
        "ca/generate/intermediate",
        "ca/sign",
        "urls/write",
        "crl/write",
        "role/write",
        "role/patch",
        "role/delete",
    ],
    "query": [
        "mount/list",
        "ca/read",
        "cert/read",
        "cert/list",
        "urls/read",
        "crl/config/read",
        "crl/read",
        "role/read",
        "role/list",
        "status",
    ],
}
TOPIC_OF = {op: topic for topic, ops in TOPICS.items() for op in ops}


@dataclass(slots=True)
class Record:
    """One message of a topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int  # ms since the epoch
    key: bytes
    value: bytes
    headers: list  # of (name, bytes), as they came

    @classmethod
    def of(cls, message):
        return cls(
            sys.intern(message.topic()),
            message.partition(),
            message.offset(),
            message.timestamp()[1],
            message.key(),
            message.value(),
            [(sys.intern(name), value) for name, value in message.headers() or []],
        )

    def header(self, name):
        """The last header of that name, as bytes; None if there is none."""
        return dict(self.headers).get(name)

    def body(self):
        return msgpack.unpackb(self.value, strict_map_key=False)


@dataclass
class Answer:
    """A response, decoded, and the record it came in."""

    record: Record
    body: dict

    @property
    def ok(self):
        return self.body["status"] == "ok"

    @property
    def data(self):
        assert self.ok, f"expected an answer with data, got {self.body}"
        return self.body["data"]

    @property
    def error(self):
        assert not self.ok, f"expected a refusal, got {self.body}"
        return self.body["error"]

    @property
    def warnings(self):
        return [warning["code"] for warning in self.body.get("warnings") or []]

    @property
    def replayed(self):
        return self.record.header("replayed") == b"1"

    @property
    def source(self):
        """topic/partition/offset of the request at its home."""
        return self.record.header("source").decode()


def consumer_of(brokers):
    """A consumer that reads what is committed, to be assigned by hand."""
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"test-{uuid.uuid4()}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.message.max.bytes": 64 << 20,
            "socket.timeout.ms": 10000,
            "log_level": 2,
        }
    )


def partitions_of(consumer, topic):
    metadata = consumer.list_topics(topic, timeout=20).topics[topic]
    assert metadata.error is None, f"topic {topic}: {metadata.error}"
    return sorted(metadata.partitions)


def create_topic(brokers, topic, partitions=1, replicas=1, **config):
    """Settings' names have '_' where Kafka has '.'."""
    admin = AdminClient({"bootstrap.servers": brokers})
    settings = {name.replace("_", "."): str(value) for name, value in config.items()}
    for future in admin.create_topics([NewTopic(topic, partitions, replicas, config=settings)]).values():
        future.result(20)
    deadline = time.monotonic() + 60
    while topic not in admin.list_topics(timeout=20).topics:
        assert time.monotonic() < deadline, f"{topic} was made and does not show"
        time.sleep(0.1)


def alter_topic(brokers, topic, **config):
    """Settings' names have '_' where Kafka has '.'."""
    entries = [
        ConfigEntry(name.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET) for name, value in config.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": brokers})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)


def read_topics(brokers, topics, timeout=60):
    """{topic: every committed record, ordered by partition and offset}."""
    consumer = consumer_of(brokers)
    try:
        left = {(topic, partition) for topic in topics for partition in partitions_of(consumer, topic)}
        consumer.assign([TopicPartition(*at, OFFSET_BEGINNING) for at in left])
        records = {topic: [] for topic in topics}
        deadline = time.monotonic() + timeout
        while left:
            assert time.monotonic() < deadline, f"no end of {left} in {timeout} s"
            for message in consumer.consume(1000, 0.1):
                error = message.error()
                if error is None:
                    records[message.topic()].append(Record.of(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard((message.topic(), message.partition()))
                else:
                    raise AssertionError(f"{message.topic()}: {error}")
        return {topic: sorted(found, key=lambda r: (r.partition, r.offset)) for topic, found in records.items()}
    finally:
        consumer.close()


def read_topic(brokers, topic, timeout=60):
    """Every committed record of a topic, ordered by partition and offset."""
    return read_topics(brokers, [topic], timeout)[topic]


class Client:
    """Asks on the request topics of one prefix and collects the answers of one topic, from now on. `producer`: more settings."""

    def __init__(self, brokers, prefix, reply_topic=None, producer=None):
        self.brokers = brokers
        self.prefix = prefix
        self.reply_topic = reply_topic or f"{prefix}.responses"
        self.answers = {}  # id: the Answers that came, in order
        self.faults = {}  # id: what its schema refuses in the request that was sent last; None: nothing
        self.producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "message.max.bytes": 4 << 20,
                "linger.ms": 0,
                "socket.timeout.ms": 10000,  # a broker may stand still
                "log_level": 2,
                **(producer or {}),
            }
        )
        self.consumer = consumer_of(brokers)
        self.consumer.assign(
            [
                TopicPartition(self.reply_topic, p, self._end(p))
                for p in partitions_of(self.consumer, self.reply_topic)
            ]
        )

    def _end(self, partition):
        """A broker that has just started does not lead its partitions yet."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.consumer.get_watermark_offsets(TopicPartition(self.reply_topic, partition), timeout=20)[1]
            except KafkaException as e:
                if e.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def close(self):
        self.producer.flush(1)
        self.producer = None
        self.consumer.close()

    def topic(self, kind):
        return f"{self.prefix}.{kind}"

    def produce(self, kind, value, key=None, headers=None, partition=None):
        """Any bytes to a request topic; returns (topic, partition, offset) once the broker has them."""
        where = []

        def delivered(error, message):
            where.append(error or (message.topic(), message.partition(), message.offset()))

        options = {} if partition is None else {"partition": partition}
        self.producer.produce(self.topic(kind), value, key, headers=headers, on_delivery=delivered, **options)
        self.producer.flush(30)
        assert where, f"{self.topic(kind)}: not delivered in 30 s"
        assert isinstance(where[0], tuple), f"{self.topic(kind)}: {where[0]}"
        return where[0]

    def request(self, op, params=None, **envelope):
        """The map of a request; envelope fields override, and None leaves one out."""
        request = {
            "v": 1,
            "id": str(uuid.uuid4()),
            "op": op,
            "mount": "pki",
            "params": params or {},
            "ts": int(time.time() * 1000),
            **envelope,
        }
        return {name: value for name, value in request.items() if value is not None}

    @staticmethod
    def key_of(request, kind):
        return request["mount"] if kind in ("revoke", "config") else request["id"]

    def send(self, request, kind=None, key=None, headers=None, partition=None):
        """Produces a request map to its topic under its key; returns its id."""
        kind = kind or TOPIC_OF[request["op"]]
        if key is None:
            key = self.key_of(request, kind)
        self.faults[request["id"]] = contract.request_fault(request)
        self.produce(kind, msgpack.packb(request), key, headers, partition)
        return request["id"]

    def send_all(self, requests, timeout=60):
        """The same of many, without waiting for the broker in between; their ids."""
        for request in requests:
            kind = TOPIC_OF[request["op"]]
            self.producer.produce(self.topic(kind), msgpack.packb(request), self.key_of(request, kind))
        assert self.producer.flush(timeout) == 0, f"{len(requests)} requests: not delivered in {timeout} s"
        return [request["id"] for request in requests]

    def ask(self, op, params=None, timeout=60, headers=None, **envelope):
        """Sends a request and awaits its answer."""
        request = self.request(op, params, **envelope)
        seen = len(self.answers.get(request["id"], []))
        self.send(request, headers=headers)
        return self.wait_for(request["id"], timeout, count=seen + 1)

    def wait_for(self, request_id, timeout=60, count=1):
        """The count-th answer to that id."""
        self.wait_until(lambda: len(self.answers.get(request_id, [])) >= count, timeout, request_id)
        return self.answers[request_id][count - 1]

    def wait_for_all(self, request_ids, timeout=60):
        """The first answer to each id, in their order."""
        ids = list(request_ids)
        self.wait_until(lambda: all(i in self.answers for i in ids), timeout, f"{len(ids)} requests")
        return [self.answers[i][0] for i in ids]

    def wait_until(self, done, timeout, what):
        deadline = time.monotonic() + timeout
        while not done():
            assert time.monotonic() < deadline, f"no answer to {what} in {timeout} s"
            self.collect(0.1)

    def collect(self, seconds):
        """Takes in what arrives within that time."""
        for message in self.consumer.consume(1000, seconds):
            error = message.error()
            if error is None:
                record = Record.of(message)
                body = record.body()
                self.answers.setdefault(body["id"], []).append(Answer(record, body))
                self.check(body)
            elif error.code() != KafkaError._PARTITION_EOF:
                raise AssertionError(f"{self.reply_topic}: {error}")

    def check(self, body):
        """The answer is as its schema says, and the worker took the form of the request if and only if its schema does."""
        fault = contract.response_fault(body)
        assert fault is None, f"an answer breaks the contract: {fault}\n{body}"
        if body["id"] not in self.faults:
            return  # another's, or bytes that this client did not pack
        fault = self.faults[body["id"]]
        assert fault is None or body["status"] == "error", f"done, though its schema refuses it: {fault}"
        refused = body["status"] == "error" and body["error"]["code"] in contract.FORM_CODES
        assert fault or not refused, f"refused, though its schema takes it: {body}"

    def read(self, kind):
        """Every committed record of one of the prefix's topics."""
        return read_topic(self.brokers, self.topic(kind))


def open_shop(client, timeout=60):
    """A mount with a CA, and the role `web` for names under example.com; returns the client."""
    client.ask("mount/write", {"max_ttl": "8760h"}, timeout=timeout).data
    client.ask("ca/generate/root", {"common_name": "Root", "key_type": "ec", "ttl": "8000h"}, timeout=timeout).data
    role = {"allowed_base_domain": "example.com", "allow_subdomains": True, "max_ttl": "72h", "key_type": "ec"}
    client.ask("role/write", role, role="web", timeout=timeout).data
    return client
