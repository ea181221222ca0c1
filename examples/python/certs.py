"""certs.py ROLE NAME CSR: issues a certificate, signs a CSR, revokes the first, and checks each answer."""

import os
import sys
import time
import uuid

import msgpack
from confluent_kafka import Consumer, Producer, TopicPartition
from cryptography import x509

BROKERS = os.environ.get("CERTMILL_BROKERS", "127.0.0.1:9092")
PREFIX = os.environ.get("CERTMILL_PREFIX", "certmill")
TIMEOUT = float(os.environ.get("CERTMILL_TIMEOUT", "10"))  # seconds, of one attempt
ATTEMPTS = 6


class Certmill:
    def __init__(self):
        # murmur2: the partition at which the workers look for it; elsewhere it is moved there first
        self.producer = Producer({"bootstrap.servers": BROKERS, "partitioner": "murmur2_random", "enable.idempotence": True})
        # no group: every answer is looked at, from the end that stands now; what was not committed is no answer
        settings = {"bootstrap.servers": BROKERS, "group.id": "none", "isolation.level": "read_committed"}
        self.consumer = Consumer({**settings, "enable.auto.commit": False})
        topic = f"{PREFIX}.responses"
        places = [TopicPartition(topic, p) for p in self.consumer.list_topics(topic, TIMEOUT).topics[topic].partitions]
        for place in places:
            place.offset = self.consumer.get_watermark_offsets(place, TIMEOUT)[1]
        self.consumer.assign(places)

    def ask(self, topic, op, params, role=None, request_id=None):
        """The data of the answer. The same id and the same body again: the same answer, and nothing is done twice."""
        request_id = request_id or str(uuid.uuid4())
        request = {"v": 1, "id": request_id, "op": op, "mount": "pki", "params": params, "ts": int(time.time() * 1000)}
        value = msgpack.packb({**request, "role": role} if role else request)
        for attempt in range(ATTEMPTS):
            self.producer.produce(f"{PREFIX}.{topic}", value, request_id if role else "pki")
            self.producer.flush(TIMEOUT)
            answer = self.answer_to(request_id)
            if answer and answer["status"] == "ok":
                return answer["data"]
            if answer and not answer["error"]["retryable"]:
                raise SystemExit(f"{op}: {answer['error']['code']}: {answer['error']['message']}")
            time.sleep(0.1 * 2**attempt)
        raise SystemExit(f"{op}: no answer to {request_id} in {ATTEMPTS} times {TIMEOUT} s")

    def answer_to(self, request_id):
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            message = self.consumer.poll(0.1)
            if message and not message.error() and message.key() == request_id.encode():
                return msgpack.unpackb(message.value())
        return None


def check(data, common_name):
    """Is it for that name, and from the CA that it names?"""
    certificate = x509.load_pem_x509_certificate(data["certificate"].encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(data["issuing_ca"].encode()))
    assert certificate.subject.rfc4514_string() == f"CN={common_name}", certificate.subject
    return data["serial_number"]


role, name, csr = sys.argv[1:]
certmill, once = Certmill(), str(uuid.uuid4())
issued = check(certmill.ask("issue", "issue", {"common_name": name, "ttl": "24h"}, role, once), name)
print("issued", issued)
assert check(certmill.ask("issue", "issue", {"common_name": name, "ttl": "24h"}, role, once), name) == issued
with open(csr) as file:
    print("signed", check(certmill.ask("sign", "sign", {"csr": file.read(), "common_name": name}, role), name))
assert certmill.ask("revoke", "revoke", {"serial_number": issued})["state"] == "revoked"
print("revoked", issued)
