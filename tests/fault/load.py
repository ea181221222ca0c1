"""One independent client of the chaos driver, a process of its own: it asks, sends again what is not answered, and keeps books.

    load.py BROKERS PREFIX NAME SEED RATE LEDGER

It says how it stands on standard output, an object of JSON a line. From standard input it takes `drain` (begin nothing new) and
`end` (what has come is all that comes: write the ledger and leave).
"""

import hashlib
import json
import os
import random
import select
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import msgpack
from confluent_kafka import OFFSET_BEGINNING, KafkaError, Producer, TopicPartition

import contract
from client import TOPIC_OF, Answer, Client, Record, consumer_of, partitions_of
from sagas import Broken, Sagas

WINDOW_S = 2  # as many calls are underway at the most as are begun in that time
LEAST_WINDOW = 60
FIRST_WAIT_S, LONGEST_WAIT_S = 10, 40
AGAIN_S = 1.0  # after a refusal that says so
SAY_S = 0.5
CHECKED = 0.02  # of the answers are held against the schemas
PROBLEMS, TOLD = 50, 600  # told at the most, and of each
# what a replay does not repeat
FRESH_ONLY = {"private_key", "private_key_type", "crl_number"}


class Row:
    """What the ledger keeps of one id."""

    __slots__ = ("acked", "unknown", "conflicts", "answers", "conflicted", "quarantined", "fresh", "digest", "claims", "op")

    def __init__(self, op, claims):
        self.op, self.claims = op, claims
        self.acked = self.unknown = self.answers = self.fresh = 0
        self.conflicts = self.conflicted = self.quarantined = 0  # copies with another body, and answers to them; to any
        self.digest = None


class Call:
    """A request, until it is settled."""

    def __init__(self, request, expect):
        self.request = request
        self.id = request["id"]
        self.expect = expect
        self.partition = None  # "any", "two"; None: at home
        self.saga = None
        self.wait = FIRST_WAIT_S
        self.due = 0.0
        self.conflict = False
        self.claims = TOPIC_OF[request["op"]] != "query" and not request.get("dry_run")


def settled(answer):
    """What does not change any more."""
    return answer.ok or not answer.error["retryable"]


def digest_of(body):
    """Of everything that a replay must repeat, octet for octet."""
    body = dict(body)
    if body["status"] == "ok":
        body["data"] = {k: v for k, v in body["data"].items() if k not in FRESH_ONLY}
    body["warnings"] = [w for w in body.get("warnings") or [] if w["code"] != "private_key_withheld"]
    return hashlib.sha256(msgpack.packb(body)).digest()[:12]


class Caller:
    def __init__(self, brokers, prefix, name, seed):
        self.brokers, self.prefix, self.name = brokers, prefix, name
        self.chance = random.Random(seed)
        self.reply_to = None if name == "c0" else f"{prefix}.responses.{name}"
        self.rows = {}  # {id: Row}
        self.open = {}  # {id: Call}
        self.revoked, self.garbage = [], []
        self.counts = Counter()
        self.problems = []
        self.draining = False
        self.producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "message.max.bytes": 4 << 20,
                "enable.idempotence": True,
                "message.timeout.ms": 20000,
                "socket.timeout.ms": 10000,
                "linger.ms": 2,
                "log_level": 0,
            }
        )
        self.consumer = consumer_of(brokers)
        topic = self.reply_to or f"{prefix}.responses"
        self.consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions_of(self.consumer, topic)])
        self.partitions = {kind: partitions_of(self.consumer, f"{prefix}.{kind}") for kind in set(TOPIC_OF.values())}

    @staticmethod
    def now_ms():
        return int(time.time() * 1000)

    def broken(self, what):
        self.counts["problems"] += 1
        if len(self.problems) < PROBLEMS:
            self.problems.append(what[:TOLD])

    # ---- sending ----

    def call(self, op, params=None, expect=("ok",), **envelope):
        fields = {"v": 1, "id": str(uuid.UUID(int=self.chance.getrandbits(128))), "op": op, "mount": "pki", "params": params or {}}
        request = {**fields, "ts": self.now_ms(), "reply_to": self.reply_to, **envelope}
        return Call({name: value for name, value in request.items() if value is not None}, expect)

    def conflict(self, call, params):
        """The same id with another body."""
        other = Call({**call.request, "params": params}, ["request_id_conflict"])
        other.conflict = True
        return other

    def begin(self, saga):
        self.counts["sagas"] += 1
        self.go_on(saga, None)

    def go_on(self, saga, answer):
        try:
            call = saga.send(answer)
        except StopIteration:
            return
        except Broken as e:
            self.broken(str(e))
            return
        except Exception as e:  # an answer that cannot be what was asked for
            self.broken(f"{type(e).__name__}: {e} in {saga.__name__} on {answer and answer.body}")
            return
        call.saga = saga
        self.open[call.id] = call
        self.post(call)

    def post(self, call):
        """One more copy of it, or two."""
        kind = TOPIC_OF[call.request["op"]]
        call.due = time.monotonic() + call.wait
        where = [None]
        if call.partition:
            where = self.chance.sample(self.partitions[kind], 2 if call.partition == "two" else 1)
        for partition in where:
            self.produce(call, kind, partition)

    def produce(self, call, kind, partition):
        row = self.rows.setdefault(call.id, Row(call.request["op"], call.claims))
        counted = "conflicts" if call.conflict else "acked"

        def delivered(error, _):
            if error is None:
                row.unknown -= 1
                setattr(row, counted, getattr(row, counted) + 1)

        call.request["ts"] = self.now_ms()
        options = {} if partition is None else {"partition": partition}
        value = msgpack.packb(call.request)
        try:
            row.unknown += 1
            self.producer.produce(f"{self.prefix}.{kind}", value, Client.key_of(call.request, kind), on_delivery=delivered, **options)
        except BufferError:
            row.unknown -= 1  # it is sent again when its time is over
        self.counts["sent"] += 1

    def post_garbage(self, kind, value):
        def delivered(error, message):
            if error is None:
                self.garbage.append([message.topic(), message.partition(), message.offset()])

        try:
            self.producer.produce(f"{self.prefix}.{kind}", value, os.urandom(4), on_delivery=delivered)
        except BufferError:
            pass

    def send_again(self):
        now = time.monotonic()
        for call in list(self.open.values()):
            if call.due <= now:
                self.counts["sent_again"] += 1
                call.wait = max(call.wait, min(call.wait * 1.5, LONGEST_WAIT_S))
                self.post(call)

    # ---- answers ----

    def collect(self, seconds):
        """Takes in what has come; was there anything?"""
        self.producer.poll(0)
        messages = self.consumer.consume(500, seconds)
        for message in messages:
            if message.error() is None:
                record = Record.of(message)
                self.take(Answer(record, record.body()))
            elif message.error().fatal():
                raise RuntimeError(f"the client's consumer: {message.error()}")
        return any(m.error() is None or m.error().code() != KafkaError._PARTITION_EOF for m in messages)

    def take(self, answer):
        row = self.rows.get(answer.body["id"])
        if row is None:
            if self.reply_to:
                self.broken(f"an answer to {answer.body['id']}, which was never asked")
            return  # on .responses, where others have theirs
        self.counts["answers"] += 1
        if self.chance.random() < CHECKED and (fault := contract.response_fault(answer.body)):
            self.broken(f"an answer breaks the contract: {fault}")
        self.book(row, answer)
        call = self.open.get(answer.body["id"])
        if call is not None:
            self.settle(call, answer)

    def book(self, row, answer):
        error = None if answer.ok else answer.error["code"]
        if error == "request_id_conflict":
            row.conflicted += 1
            return
        row.answers += 1
        row.quarantined += error == "internal"
        self.counts["replayed"] += answer.replayed
        if not row.claims or not settled(answer) or error == "internal":
            return
        digest = digest_of(answer.body)
        row.fresh += not answer.replayed
        if row.digest is None:
            row.digest = digest
        elif row.digest != digest:
            self.broken(f"{answer.body['id']} ({row.op}) was answered differently before: now {answer.body}")

    def settle(self, call, answer):
        code = "ok" if answer.ok else answer.error["code"]
        if code == "internal":
            self.counts["quarantined"] += 1
        elif call.conflict != (code == "request_id_conflict"):
            return  # a late copy of the other body's
        elif code not in call.expect:
            if not answer.ok and answer.error["retryable"]:
                self.counts[f"again: {code}"] += 1
                call.due = min(call.due, time.monotonic() + AGAIN_S)
                return
            self.broken(f"{call.request['op']} {call.id} expected {call.expect}, got {answer.body}")
        del self.open[call.id]
        self.counts["settled"] += 1
        if code in call.expect and not self.draining:
            self.go_on(call.saga, answer)

    # ---- the books ----

    def close_books(self):
        """
        How many copies the brokers took and how many answers came, for each id: what stands on the topics is held against it.
        A producer that sends again what it does not know the fate of may have left more copies than it was told.
        """
        for call in self.open.values():
            self.broken(f"{call.request['op']} {call.id} was never answered")
        for request_id, row in self.rows.items():
            if row.conflicted + row.quarantined < row.conflicts:
                self.broken(f"{request_id} ({row.op}): {row.conflicts} copies with another body, {row.conflicted} conflicts")
            if row.fresh > 1:
                self.broken(f"{request_id} ({row.op}) was done {row.fresh} times")
        return {
            "name": self.name,
            "requests": {i: (row.acked + row.conflicts, row.answers + row.conflicted) for i, row in self.rows.items()},
            "counts": self.counts,
            "operations": Counter(row.op for row in self.rows.values()),
            "revoked": self.revoked,
            "garbage": self.garbage,
            "problems": self.problems,
        }


def command():
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return sys.stdin.readline().strip() if ready else None


def run(caller, rate):
    sagas = Sagas(caller, rate)
    window = max(LEAST_WINDOW, WINDOW_S * rate)
    began, begun, said = time.monotonic(), 0, 0.0
    asked = None
    while True:
        caller.collect(0.02)
        caller.send_again()
        now = time.monotonic()
        while not caller.draining and begun < (now - began) * rate:
            begun += 1
            if len(caller.open) < window:
                caller.begin(sagas.next())
        if now - said > SAY_S:
            said = now
            print(json.dumps({"open": len(caller.open), "settled": caller.counts["settled"], "problems": caller.counts["problems"]}), flush=True)
        asked = command()
        caller.draining = caller.draining or asked == "drain"
        if asked in ("end", ""):
            return


def main(brokers, prefix, name, seed, rate, ledger):
    caller = Caller(brokers, prefix, name, int(seed))
    run(caller, float(rate))
    caller.producer.flush(20)
    quiet = time.monotonic()
    while time.monotonic() - quiet < 2:
        if caller.collect(0.2):
            quiet = time.monotonic()
    Path(ledger).write_text(json.dumps(caller.close_books()))


if __name__ == "__main__":
    main(*sys.argv[1:])
