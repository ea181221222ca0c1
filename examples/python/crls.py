"""crls.py CA CERTIFICATE: follows the topic of CRLs, and says what the certificate is: good, revoked, or unknown, and then
nobody is let in."""

import datetime
import hashlib
import os
import sys
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

with open(sys.argv[1], "rb") as file:
    certificates = x509.load_pem_x509_certificates(file.read())
with open(sys.argv[2], "rb") as file:
    leaf = x509.load_pem_x509_certificate(file.read())
# the keys of the topic, mount/issuer/shard, name an issuer by its certificate's SHA-256
issuers = {hashlib.sha256(c.public_bytes(Encoding.DER)).hexdigest()[:32].encode(): c for c in certificates}
newest = {}  # key: CRL


def number_of(crl):
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def take(key, value):
    """The CRL, if it is from whom its key says, and newer than the last; whoever wrote the record is not believed."""
    issuer = issuers.get(key.split(b"/")[1]) if key and key.count(b"/") == 2 else None
    if not issuer or value is None:
        return
    try:
        crl = x509.load_der_x509_crl(value)
        sound = crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())
        if sound and (key not in newest or number_of(crl) > number_of(newest[key])):
            newest[key] = crl
    except (ValueError, x509.ExtensionNotFound):
        return


def state():
    """By all CRLs of its issuer, the worst; without one, or with one that has ended, nothing is known."""
    now, words = datetime.datetime.now(datetime.timezone.utc), []
    for crl in newest.values():
        if crl.issuer == leaf.issuer:
            listed = crl.get_revoked_certificate_by_serial_number(leaf.serial_number)
            word = "unknown" if crl.next_update_utc <= now else "revoked" if listed else "good"
            words.append(f"{word} {number_of(crl)} {crl.next_update_utc}")
    return max(words, default="unknown - -")  # in the alphabet the worst is the last


# every partition, from the start: a compacted topic holds every current CRL; the group is none that anybody is in
consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("CERTMILL_BROKERS", "127.0.0.1:9092"),
        "group.id": f"crls-{uuid.uuid4()}",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "fetch.message.max.bytes": 64 << 20,
    }
)
topic, said = os.environ.get("CERTMILL_PREFIX", "certmill") + ".crl", None
left = set(consumer.list_topics(topic, 30).topics[topic].partitions)  # those whose end was not reached
consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in left])
while True:
    message = consumer.poll(1.0)
    if message and not message.error():
        take(message.key(), message.value())
    elif message and message.error().code() == KafkaError._PARTITION_EOF:
        left.discard(message.partition())
    if not left and state() != said:
        said = state()
        print(said, flush=True)
