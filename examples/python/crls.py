"""crls.py CA CERTIFICATE: follows the topic of CRLs, and says at each newer one whether the certificate is on it."""

import hashlib
import os
import sys
import uuid

from confluent_kafka import Consumer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

with open(sys.argv[1], "rb") as file:
    certificates = x509.load_pem_x509_certificates(file.read())
with open(sys.argv[2], "rb") as file:
    leaf = x509.load_pem_x509_certificate(file.read())
# the keys of the topic, mount/issuer/shard, name an issuer by its certificate's SHA-256
issuers = {hashlib.sha256(c.public_bytes(Encoding.DER)).hexdigest()[:32]: c for c in certificates}
newest = {}  # key: number of the CRL


def number_of(crl):
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def take(key, value):
    """The CRL, if it is from whom its key says, and newer than the last; whoever wrote the record is not believed."""
    issuer = issuers.get(key.split("/")[-2]) if key.count("/") == 2 else None
    if not issuer or value is None:
        return None
    try:
        crl = x509.load_der_x509_crl(value)
        sound = crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())
    except (ValueError, x509.ExtensionNotFound):
        return None
    if not sound or number_of(crl) <= newest.get(key, -1):
        return None
    newest[key] = number_of(crl)
    return crl


# a new group, so that it gets every partition from the start: a compacted topic holds every current CRL
consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("CERTMILL_BROKERS", "127.0.0.1:9092"),
        "group.id": f"crls-{uuid.uuid4()}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "fetch.message.max.bytes": 64 << 20,
    }
)
consumer.subscribe([os.environ.get("CERTMILL_PREFIX", "certmill") + ".crl"])
while True:
    message = consumer.poll(1.0)
    crl = take(message.key().decode(), message.value()) if message and not message.error() else None
    if crl and crl.issuer == leaf.issuer:
        entry = crl.get_revoked_certificate_by_serial_number(leaf.serial_number)
        print(number_of(crl), "revoked" if entry else "good", "until", crl.next_update_utc, flush=True)
