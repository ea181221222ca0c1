"""Plants records on the topics of a cluster whose workers stand still: what a worker would write, or what none ever should.

serve() and revoke() write all that a request brings about, as one that keeps every promise; their switches leave out, double
or falsify one part of it.
"""

import base64
import datetime
import hashlib
import secrets
import time
import uuid

import msgpack
from confluent_kafka import Producer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kafka import KafkaAdminClient, TopicPartition
from kafka.partitioner.default import murmur2
from kafka.structs import OffsetAndMetadata

from client import partitions_of
from pki import name

GROUPS = {"issue": "mint", "sign": "mint", "revoke": "control", "config": "control", "query": "query"}


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


class Forger:
    """For one mount, whose CA's certificate and key are known."""

    def __init__(self, client, certificate, key, mount="pki"):
        self.client, self.mount = client, mount
        self.certificate, self.key = certificate, key
        self.issuer = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()[:32]
        self.leaf_key = ec.generate_private_key(ec.SECP256R1())
        self.producer = Producer(
            {
                "bootstrap.servers": client.brokers,
                "partitioner": "murmur2_random",
                "message.max.bytes": 64 << 20,
                "linger.ms": 0,
                "log_level": 2,
            }
        )
        self.admin = KafkaAdminClient(bootstrap_servers=client.brokers)
        self.heads = {}  # {(kind, partition): [offset, step, sequence, hash]}
        self.counts = {kind: len(partitions_of(client.consumer, client.topic(kind))) for kind in GROUPS}
        for kind, group in GROUPS.items():
            (offsets,) = self.admin.list_group_offsets([f"{client.prefix}-{group}"]).values()
            for at, committed in offsets.items():
                if at.topic == client.topic(kind):
                    _, step, sequence, digest = committed.metadata.split(" ")
                    self.heads[kind, at.partition] = [committed.offset, step, int(sequence), digest]
        self.state_offset = max(r.offset for r in client.read("state"))
        last = [r for r in client.read("crl") if r.key.startswith(f"{mount}/".encode())][-1]
        crl = x509.load_der_x509_crl(last.value)
        self.crl_key, self.number = last.key, int(last.header("number"))
        self.this_update = int(crl.last_update_utc.timestamp())
        self.listed = {entry.serial_number: int(entry.revocation_date_utc.timestamp()) for entry in crl}

    def close(self):
        self.admin.close()
        self.producer = None

    # ---- records ----

    def produce(self, kind, key, value, headers=(), partition=None):
        """Returns the record's place."""
        where = []
        options = {} if partition is None else {"partition": partition}
        self.producer.produce(
            self.client.topic(kind),
            value,
            key,
            headers=list(headers),
            on_delivery=lambda error, m: where.append(error or f"{m.topic()}/{m.partition()}/{m.offset()}"),
            **options,
        )
        self.producer.flush(30)
        assert where and isinstance(where[0], str), where
        return where[0]

    def again(self, record):
        """The same record once more."""
        return self.produce(record.topic.removeprefix(f"{self.client.prefix}."), record.key, record.value, record.headers)

    def commit(self, kind, partition):
        offset, step, sequence, digest = self.heads[kind, partition]
        at = TopicPartition(self.client.topic(kind), partition)
        metadata = OffsetAndMetadata(offset, f"1 {step} {sequence} {digest}", -1)
        self.admin.alter_group_offsets(f"{self.client.prefix}-{GROUPS[kind]}", {at: metadata})

    def forget(self, kind, partition):
        """The partition's committed offset, as Kafka does a week after the group's last member left."""
        self.admin.delete_group_offsets(f"{self.client.prefix}-{GROUPS[kind]}", [TopicPartition(self.client.topic(kind), partition)])

    def audit(self, kind, partition, entry, previous=None, state_offset=None, move=True):
        """One record of one entry behind the chain's last, whose head moves to it."""
        head = self.heads[kind, partition]
        value = msgpack.packb(
            {
                "v": 1,
                "sequence": head[2] + 1,
                "previous": previous or bytes.fromhex(head[3]),
                "at": int(time.time() * 1000),
                "worker": "forger",
                "state_offset": self.state_offset if state_offset is None else state_offset,
                "entries": [entry],
            }
        )
        place = self.produce("audit", f"{self.client.topic(kind)}/{partition}", value)
        if move:
            head[2:] = [head[2] + 1, hashlib.sha256(value).hexdigest()]
            self.commit(kind, partition)
        return place

    def home(self, kind, request):
        key = request["mount"] if kind in ("revoke", "config") else request["id"]
        return (murmur2(key.encode()) & 0x7FFFFFFF) % self.counts[kind]

    def ask(self, kind, request, partition=None):
        """A request message that counts as consumed; returns its (partition, offset)."""
        partition = self.home(kind, request) if partition is None else partition
        key = request["mount"] if kind in ("revoke", "config") else request["id"]
        offset = int(self.produce(kind, key, msgpack.packb(request), partition=partition).rpartition("/")[2])
        assert offset >= self.heads[kind, partition][0]  # behind the markers of transactions
        self.heads[kind, partition][0] = offset + 1
        self.commit(kind, partition)
        return partition, offset

    def request(self, op, request_id=None, **fields):
        return self.client.request(op, {}, id=request_id or str(uuid.uuid4()), mount=self.mount, **fields)

    def entry(self, request, offset, result="ok", outcome=None, timestamp=None):
        fields = {
            "offset": offset,
            "timestamp": timestamp or int(time.time() * 1000),
            "id": request["id"],
            "op": request["op"],
            "mount": self.mount,
            "role": request.get("role"),
            "result": result,
            "hash": bytes(32),
            "reply_to": self.client.topic("responses"),
            "outcome": outcome,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def answer(self, request, source, data, headers=(), refusal=None):
        """refusal: an error code, instead of data."""
        body = {"v": 1, "id": request["id"], "op": request["op"], "mount": self.mount, "status": "error" if refusal else "ok"}
        if refusal:
            body["error"] = {"code": refusal, "message": "forged", "retryable": False}
        else:
            body["data"] = data
        return self.produce("responses", request["id"], msgpack.packb(body), [("source", source.encode()), *headers])

    def reject(self, source):
        topic, partition, offset = source.rsplit("/", 2)
        headers = {"reason": "malformed", "message": "forged", "topic": topic, "partition": partition, "offset": offset}
        return self.produce("rejects", "forged", b"forged", [(n, v.encode()) for n, v in headers.items()])

    def exchange(self, kind, request, result="ok", data=None, refusal=None, outcome=None, headers=(), partition=None, **entry):
        """A request, audited with that result, and answered where there are data or a refusal; returns the places."""
        state_offset = entry.pop("state_offset", None)
        partition, offset = self.ask(kind, request, partition)
        places = {"request": f"{self.client.topic(kind)}/{partition}/{offset}"}
        if data is not None or refusal:
            places["answer"] = self.answer(request, places["request"], data, headers, refusal)
        entry = self.entry(request, offset, result, outcome, **entry)
        places["entry"] = self.audit(kind, partition, entry, state_offset=state_offset)
        return places

    # ---- certificates ----

    def sign(self, serial):
        now = time.time()
        leaf = x509.CertificateBuilder().subject_name(name("forged")).issuer_name(self.certificate.subject)
        leaf = leaf.public_key(self.leaf_key.public_key()).serial_number(int.from_bytes(serial, "big"))
        leaf = leaf.not_valid_before(utc(now - 60)).not_valid_after(utc(now + 3600))
        return leaf.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def record(self, request, source, serial, der=None):
        """A record of .certs."""
        now = int(time.time())
        body = {
            "v": 1,
            "serial": serial,
            "mount": self.mount,
            "issuer": self.issuer,
            "role": request["role"],
            "certificate": der or self.sign(serial),
            "not_before": now - 60,
            "not_after": now + 3600,
            "issued": now * 1000,
            "request": request["id"],
            "source": source,
        }
        return self.produce("certs", f"{self.mount}/{serial.hex()}", msgpack.packb(body))

    def bundle(self, der):
        """A pem_bundle: key, certificate, chain."""
        key = self.leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return key.decode() + pem_of(der) + self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def serve(
        self, request_id=None, role="web", partition=None, recorded=True, answered=True, named=None, serial=None, der=None, shown=None
    ):
        """
        An `issue` and what it brings about; returns the places. serial, der: of the certificate that is recorded. named: the
        serial number that the answer names instead. shown: the certificate's text in the answer.
        """
        request = self.request("issue", request_id, role=role)
        partition, offset = self.ask("issue", request, partition)
        serial = serial or new_serial()
        der = der or self.sign(serial)
        source = f"{self.client.topic('issue')}/{partition}/{offset}"
        outcome = {"issuer": self.issuer, "serial": serial, "not_after": int(time.time()) + 3600, "already": False}
        places = {"request": source}
        if recorded:
            places["record"] = self.record(request, source, serial, der)
        if answered:
            text = (named or serial).hex(":")
            data = {"serial": text, "serial_number": text, "certificate": pem_of(der) if shown is None else shown}
            places["answer"] = self.answer(request, source, data)
        places["entry"] = self.audit("issue", partition, self.entry(request, offset, outcome=outcome))
        return places

    # ---- revocations ----

    def revoke(self, audited=True, recorded=True, listed=True, not_after=None, state="revoked"):
        """A `revoke` of a certificate that nobody knows, and what it brings about. listed: True, or what stands on its CRL instead."""
        request = self.request("revoke")
        partition, offset = self.ask("revoke", request)
        source = f"{self.client.topic('revoke')}/{partition}/{offset}"
        serial, now = new_serial(), int(time.time())
        revoked = {"serial": serial, "issuer": self.issuer, "reason": 0, "not_after": not_after or now + 3600}
        places = {"request": source, "serial": serial}
        if recorded:
            body = {"v": 1, "mount": self.mount, "date": now, "request": request["id"], **revoked}
            places["record"] = self.produce("revoked", f"{self.mount}/{serial.hex()}", msgpack.packb(body))
        stands = int.from_bytes(serial if listed is True else listed, "big") if listed else None
        if listed:
            self.listed[stands] = now
        places["crl"] = self.publish()
        state = state if audited else "expired"
        places["answer"] = self.answer(request, source, {"revocation_time": now, "state": state, "crl_number": self.number})
        outcome = {**revoked, "revoked_at": now} if audited else None
        places["entry"] = self.audit("revoke", partition, self.entry(request, offset, outcome=outcome))
        if listed is not True:
            self.listed.pop(stands, None)
            self.listed[int.from_bytes(serial, "big")] = now
            self.publish()
        return places

    def publish(self, number=None, key=None, without=(), twice=(), headers=None, this_update=None, validity=86400):
        """
        The next CRL; returns its place. number, key, twice, headers, a this_update that goes back: what is wrong with it, and then
        it does not count.
        """
        this_update = this_update or max(int(time.time()), self.this_update)
        sound = number is None and key is None and not twice and headers is None and this_update >= self.this_update
        number = self.number + 1 if number is None else number
        crl = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        crl = crl.last_update(utc(this_update)).next_update(utc(this_update + validity)).add_extension(x509.CRLNumber(number), False)
        for serial, date in [*self.listed.items(), *((serial, self.listed[serial]) for serial in twice)]:
            if serial not in without:
                entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(utc(date)).build()
                crl = crl.add_revoked_certificate(entry)
        der = crl.sign(key or self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        said = {
            "number": number,
            "this_update": this_update,
            "next_update": this_update + validity,
            "issuer": self.issuer,
            "shard": 0,
            "sha256": hashlib.sha256(der).hexdigest(),
            **(headers or {}),
        }
        if sound:
            self.number, self.this_update = number, this_update
        return self.produce("crl", self.crl_key, der, [(n, str(v).encode()) for n, v in said.items()])


def pem_of(der):
    text = base64.b64encode(der).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def new_serial():
    return bytes([0x55]) + secrets.token_bytes(19)
