"""Servers that reject who is revoked: nginx and HAProxy, as examples/subscribers has them, kept by `certmill follow crl`."""

import contextlib
import random
import ssl
import subprocess
import threading
import time

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from forger import Forger, new_serial
from pki import ca_certificate, key_pem, name, pem, serial_number
from subscribers import REFUSED, Follower, Haproxy, Nginx, Visitor, crls_of, number_of

LIMIT = 60  # seconds, of a loaded machine; what it took is printed
REJECTED_S, REPUBLISHED_S = 2, 5  # what is promised
ATTEMPTS = 5
KILLS = 30
MANY = 1600  # entries, of more than the 64 KiB that HAProxy's socket takes
ROLE = {"allowed_domains": "example.com", "allow_subdomains": True, "key_type": "ec", "max_ttl": "72h"}


class Shop:
    """A root in one mount, an intermediate in another, and who has certificates of it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.root_certificate = ca_certificate("Root", self.root_key, name("Root"), self.root_key)
        self.root = pem(self.root_certificate)
        self.ask("mount/write", {"allow_clear_keys": True}, mount="root")
        self.ask("ca/set", {"pem_bundle": self.root + key_pem(self.root_key)}, mount="root")
        self.ask("mount/write")
        csr = self.ask("ca/generate/intermediate", {"common_name": "Intermediate", "key_type": "ec"})["csr"]
        signed = self.ask("ca/sign", {"csr": csr, "common_name": "Intermediate"}, mount="root")
        self.ask("ca/set", {"pem_bundle": signed["certificate"]})
        self.ask("role/write", ROLE, role="web")
        self.intermediate = signed["certificate"]
        self.ca = "".join(certificate.rstrip() + "\n" for certificate in (self.root, self.intermediate))
        self.folders = 0
        self.server = self.issue("gate")
        self.wait_for_crls()

    def ask(self, op, params=None, mount="pki", **envelope):
        return self.cluster.client.ask(op, params, mount=mount, **envelope).data

    def issue(self, host):
        return issued(self.cluster.client, host)

    def visitor(self, host="visitor", **options):
        return Visitor(self.cluster.folder, self.ca, self.issue(host), **options)

    def revoke(self, visitor):
        """Returns the moment of the answer."""
        self.ask("revoke", {"serial_number": visitor.serial})
        return time.monotonic()

    def crl_records(self, mount="pki"):
        return [record for record in self.cluster.client.read("crl") if record.key.startswith(f"{mount}/".encode())]

    def wait_for_crls(self):
        within(LIMIT, lambda: self.crl_records("root") and self.crl_records())

    def new_folder(self):
        self.folders += 1
        folder = self.cluster.folder / f"subscriber{self.folders}"
        folder.mkdir()
        (folder / "chain.pem").write_text(self.ca)
        return folder

    def gate(self, kind):
        """A server, not started, that has the CRLs of now."""
        folder = self.new_folder()
        gate = kind(folder, self.ca, self.server)
        run = Follower(self.cluster, folder, ca=folder / "chain.pem").once()
        assert run.returncode == 0, run.stderr
        return gate

    @contextlib.contextmanager
    def guarded(self, kind):
        """A server and its follower, both running."""
        gate = self.gate(kind)
        with running(gate), self.follower(gate):
            yield gate

    def follower(self, gate, command=None):
        return running(Follower(self.cluster, gate.folder, "-exec", command or gate.reload_command(), ca=gate.folder / "chain.pem"))


def issued(client, host):
    """The data of an answer, with an end to the last line of each PEM."""
    data = client.ask("issue", {"common_name": f"{host}.example.com"}, role="web").data
    return {field: text.rstrip() + "\n" if isinstance(text, str) and "-----" in text else text for field, text in data.items()}


@contextlib.contextmanager
def running(process):
    """Ends in order: a server that is killed leaves its children."""
    process.start()
    try:
        yield process
    finally:
        process.stop()


def within(seconds, done):
    """Waits until it is true; returns the moment at which it was."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.02)
    return time.monotonic()


@pytest.fixture(scope="module")
def shop(cluster):
    return Shop(cluster)


def rejected_for_good(visitor, port, refusal):
    """The moment from which on it is only refused: until a reload is through, an old process of the server may still answer."""
    since, deadline = None, time.monotonic() + LIMIT
    while since is None or time.monotonic() < since + 1:
        assert time.monotonic() < deadline, f"not rejected after {LIMIT} s"
        if visitor.visit(port) == refusal:
            since = since or time.monotonic()
        else:
            since = None
    return since


def show(capsys, text):
    with capsys.disabled():
        print(f"\n  {text}")


def fastest(promised, attempt):
    """Of a few: a machine that has other work must not fail it, something that waits too long must."""
    took = []
    while not took or (min(took) >= promised and len(took) < ATTEMPTS):
        took.append(attempt())
    assert min(took) < promised, f"promised are {promised} s, it took {took}"
    return min(took)


# port of the door, the answer to who is revoked
DOORS = [(Nginx, 0, 400), (Haproxy, 0, REFUSED), (Haproxy, 1, 403)]
every_door = pytest.mark.parametrize("kind, door, refusal", DOORS, ids=["nginx", "haproxy-alert", "haproxy-403"])
both_versions = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])


def refusal_of_all(kind):
    """What everybody gets when there is no CRL to go by: 403 is for who is revoked."""
    return 400 if kind is Nginx else REFUSED


@every_door
def test_the_revoked_is_rejected(shop, capsys, kind, door, refusal):
    other = shop.visitor()
    with shop.guarded(kind) as gate:
        port = gate.ports[door]

        def attempt():
            revoked = shop.visitor()
            assert revoked.visit(port) == 200 and other.visit(port) == 200
            answered = shop.revoke(revoked)
            return rejected_for_good(revoked, port, refusal) - answered

        took = fastest(REJECTED_S, attempt)
        show(capsys, f"{kind.__name__} rejected {took:.2f} s after the answer to the revocation")
        assert other.visit(port) == 200


def compact(shop):
    """Makes CRLs, of which Kafka drops all but the newest, until none is left of those that stood there."""
    topic = shop.cluster.client.topic("crl")
    admin = AdminClient({"bootstrap.servers": shop.cluster.kafka.address})
    soon = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"}
    entries = [ConfigEntry(*setting, incremental_operation=AlterConfigOpType.SET) for setting in soon.items()]
    changed = admin.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)])
    for future in changed.values():
        future.result(20)
    standing = {record.offset for record in shop.crl_records()}
    assert standing

    def gone():
        shop.ask("crl/rotate")
        time.sleep(1)
        return not standing & {record.offset for record in shop.crl_records()}

    within(3 * LIMIT, gone)


def test_a_later_subscriber_has_the_compacted_topic_alone(fresh_cluster):
    """Neither the CRL of before the revocation nor the one that it brought is there any more."""
    shop = Shop(fresh_cluster)
    revoked, other = shop.visitor(), shop.visitor()
    shop.revoke(revoked)
    compact(shop)
    for kind, door, refusal in DOORS:
        late = shop.gate(kind)
        with running(late):
            assert revoked.visit(late.ports[door]) == refusal and other.visit(late.ports[door]) == 200


@both_versions
@every_door
def test_a_session_is_not_resumed(shop, kind, door, refusal, version):
    visitor = shop.visitor(version=version)
    with shop.guarded(kind) as gate:
        port = gate.ports[door]
        assert [visitor.visit(port, resume=True) for _ in range(3)] == [200] * 3
        assert visitor.sessions[port] is not None and not visitor.resumed
        shop.revoke(visitor)
        rejected_for_good(visitor, port, refusal)
        assert visitor.visit(port, resume=True) == refusal and not visitor.resumed


@both_versions
@every_door
def test_such_visits_resume_a_session_where_one_is_remembered(shop, kind, door, refusal, version):
    """So the test above can fail."""
    visitor, gate = shop.visitor(version=version), shop.gate(kind)
    gate.remember_sessions()
    with running(gate):
        assert [visitor.visit(gate.ports[door], resume=True) for _ in range(3)] == [200] * 3
        assert visitor.resumed


@every_door
def test_nobody_comes_in_while_a_crl_of_the_chain_is_missing(shop, kind, door, refusal):
    visitor, gate = shop.visitor(), shop.gate(kind)
    both = crls_of((gate.folder / "crls" / "all.pem").read_bytes())
    assert {crl.issuer for crl in both} == {x509.load_pem_x509_certificate(c.encode()).subject for c in (shop.root, shop.intermediate)}
    for crl in both:
        (gate.folder / "crls" / "all.pem").write_text(pem(crl))
        with running(gate):
            assert visitor.visit(gate.ports[door]) == refusal_of_all(kind)
    # and -once, which makes the file again, says it before a server starts
    assert Follower(shop.cluster, gate.folder, ca=gate.folder / "chain.pem").once().returncode == 0
    with running(gate):
        assert visitor.visit(gate.ports[door]) == 200
    key = ec.generate_private_key(ec.SECP256R1())
    with open(gate.folder / "chain.pem", "a") as chain:
        chain.write(pem(ca_certificate("Another", key, name("Another"), key)))
    run = Follower(shop.cluster, gate.folder, ca=gate.folder / "chain.pem").once()
    assert run.returncode == 1 and "no CRL" in run.stderr


@every_door
def test_nobody_comes_in_with_an_expired_crl(fresh_cluster, kind, door, refusal):
    """The root's, which nobody makes again in time."""
    shop = Shop(fresh_cluster)
    visitor = shop.visitor()
    with shop.guarded(kind) as gate:
        port = gate.ports[door]
        assert visitor.visit(port) == 200
        shop.cluster.worker.stop()
        with contextlib.closing(Forger(shop.cluster.client, shop.root_certificate, shop.root_key, "root")) as forger:
            forger.publish(validity=5)
        within(LIMIT, lambda: visitor.visit(port) == refusal_of_all(kind))
        expired = crls_of_mount(gate, "root")
        assert number_of(expired) == forger.number and expired.next_update_utc.timestamp() < time.time()
        run = Follower(shop.cluster, shop.new_folder()).once()
        assert run.returncode == 1 and "expired" in run.stderr
        shop.cluster.worker.start()
        within(LIMIT, lambda: visitor.visit(port) == 200)


@pytest.mark.parametrize("door, refusal", [(0, REFUSED), (1, 403)], ids=["haproxy-alert", "haproxy-403"])
def test_haproxy_is_reloaded_where_its_socket_does_not_take_a_crl(fresh_cluster, door, refusal):
    """One that is larger than its buffer."""
    shop = Shop(fresh_cluster)
    visitor, gate = shop.visitor(), shop.gate(Haproxy)
    port, bundle = gate.ports[door], gate.folder / "crls" / "all.pem"
    with running(gate), shop.follower(gate, f"{gate.reload_command()} || {gate.restart_command()}"):
        assert visitor.visit(port) == 200
        assert subprocess.run(gate.reload_command(), shell=True, capture_output=True, timeout=60, check=False).returncode == 0
        revoke_many(shop, MANY)
        within(LIMIT, lambda: bundle.stat().st_size > 65536 and len(crls_of_mount(gate, "pki")) >= MANY)
        refused = subprocess.run(gate.reload_command(), shell=True, capture_output=True, timeout=60, check=False)
        assert refused.returncode != 0, "the socket took it"
        assert visitor.visit(port) == 200
        shop.revoke(visitor)
        rejected_for_good(visitor, port, refusal)


def revoke_many(shop, count):
    client = shop.cluster.client
    issues = [client.request("issue", {"common_name": "many.example.com"}, role="web") for _ in range(count)]
    made = client.wait_for_all(client.send_all(issues), 3 * LIMIT)
    revokes = [client.request("revoke", {"serial_number": answer.data["serial_number"]}) for answer in made]
    assert all(answer.ok for answer in client.wait_for_all(client.send_all(revokes), 3 * LIMIT))


# ---- an older CRL, a forged one ----


def write_again(shop, record, value=None, number=None):
    """The record once more, by somebody else, or one like it."""
    headers = [(n, str(number).encode() if n == "number" and number else v) for n, v in record.headers]
    shop.cluster.client.produce("crl", record.value if value is None else value, record.key, headers)


def newest(shop):
    return max(int(record.header("number")) for record in shop.crl_records())


@every_door
def test_an_older_crl_brings_nobody_back(shop, capsys, kind, door, refusal):
    visitor = shop.visitor()
    with shop.guarded(kind) as gate:
        port = gate.ports[door]
        before = shop.crl_records()[-1]
        shop.revoke(visitor)
        rejected_for_good(visitor, port, refusal)

        def attempt():
            after = newest(shop)
            write_again(shop, before)
            injected = time.monotonic()
            assert shop.crl_records()[-1].header("number") == before.header("number") or newest(shop) > after

            def published():
                assert visitor.visit(port) == refusal, "the older CRL counts"
                return newest(shop) > after

            return within(LIMIT, published) - injected

        took = fastest(REPUBLISHED_S, attempt)
        show(capsys, f"published again {took:.2f} s after an older CRL was written")
        late = shop.gate(kind)
        with running(late):
            assert visitor.visit(late.ports[door]) == refusal and visitor.visit(port) == refusal


@every_door
def test_an_older_crl_while_no_worker_runs(fresh_cluster, kind, door, refusal):
    shop = Shop(fresh_cluster)
    visitor = shop.visitor()
    with shop.guarded(kind) as gate:
        port = gate.ports[door]
        before = shop.crl_records()[-1]
        shop.revoke(visitor)
        rejected_for_good(visitor, port, refusal)
        after = newest(shop)
        shop.cluster.worker.stop()
        write_again(shop, before)
        shop.cluster.worker.start()
        within(LIMIT, lambda: newest(shop) > after and shop.crl_records()[-1].header("number") != before.header("number"))
        last = shop.crl_records()[-1]
        assert int(last.header("number")) == newest(shop)
        listed = x509.load_der_x509_crl(last.value)
        assert listed.get_revoked_certificate_by_serial_number(int(visitor.serial.replace(":", ""), 16))
        within(LIMIT, lambda: number_of(crls_of_mount(gate, "pki")) == newest(shop))
        assert visitor.visit(port) == refusal


def crls_of_mount(gate, mount):
    (path,) = (gate.folder / "crls").glob(f"{mount}.*.der")
    return x509.load_der_x509_crl(path.read_bytes())


@every_door
def test_a_forged_crl_is_passed_over(shop, kind, door, refusal):
    """By another key under the CA's name, by another CA, by no CA; with a higher number each."""
    visitor = shop.visitor()
    with shop.guarded(kind) as gate, contextlib.closing(Forger(shop.cluster.client, *forged_ca(shop))) as forger:
        shop.revoke(visitor)
        rejected_for_good(visitor, gate.ports[door], refusal)
        record, number = shop.crl_records()[-1], newest(shop) + 1000
        forger.crl_key = record.key
        forger.publish(number=number)
        write_again(shop, record, shop.crl_records("root")[-1].value, number)
        write_again(shop, record, b"no CRL", number)
        write_again(shop, record, number=number)
        within(LIMIT, lambda: int(shop.crl_records()[-1].header("number")) < number)  # the owner's stands again
        last = int(shop.crl_records()[-1].header("number"))
        within(LIMIT, lambda: number_of(crls_of_mount(gate, "pki")) >= last)
        assert visitor.visit(gate.ports[door]) == refusal
        for reason in ("does not verify", "its header says otherwise", "it is no CRL"):
            assert reason in (gate.folder / "follower" / "log").read_text()


def forged_ca(shop):
    """A certificate that names the intermediate, and a key that is not the intermediate's."""
    key = ec.generate_private_key(ec.SECP256R1())
    real = x509.load_pem_x509_certificate(shop.intermediate.encode())
    common_name = real.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)[0].value
    return ca_certificate(common_name, key, real.subject, key), key


# ---- a follower that dies ----


class Reader(threading.Thread):
    """Parses what a follower writes, all the time, as a server would that starts just now."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder = folder
        self.over = threading.Event()
        self.fault = None
        self.reads = 0
        self.number = 0

    def run(self):
        try:
            while not self.over.is_set():
                self.look()
        except Exception as fault:  # whatever it is, the test shows it
            self.fault = fault

    def look(self):
        for path in self.folder.glob("[!.]*"):
            data = path.read_bytes()
            crls = [x509.load_der_x509_crl(data)] if path.suffix == ".der" else crls_of(data)
            assert crls, f"{path} is empty"
            self.reads += 1
            if path.name == "all.pem":
                number = max(map(number_of, crls))
                assert number >= self.number, f"all.pem went from {self.number} to {number}"
                self.number = number

    def finish(self):
        self.over.set()
        self.join(LIMIT)
        if self.fault:
            raise self.fault
        self.look()


def publish_until(forger, over):
    while not over.is_set():
        forger.publish()


def serves(gate, good, revoked):
    """Does it start on what a follower left, and is it right about both?"""
    with running(gate):
        answers = [visitor.visit(gate.port) for visitor in (good, revoked)]
    assert answers == [200, 400 if isinstance(gate, Nginx) else REFUSED], f"{answers}\n{gate.log()}"


def test_a_killed_follower_leaves_no_half_file(fresh_cluster, capsys):
    """
    CRLs of 5,000 entries come one after the other; half of the kills wait until a file is being written. After each of them a
    server starts on what is left.
    """
    cluster, client = fresh_cluster, fresh_cluster.client
    key = ec.generate_private_key(ec.SECP256R1())
    root = ca_certificate("Root", key, name("Root"), key)
    client.ask("mount/write", {"allow_clear_keys": True}).data
    client.ask("ca/set", {"pem_bundle": pem(root) + key_pem(key)}).data
    client.ask("role/write", ROLE, role="web").data
    gate, good, revoked = (issued(client, host) for host in ("gate", "a", "b"))
    within(LIMIT, lambda: client.read("crl"))
    cluster.worker.stop()
    folder = cluster.folder / "killed"
    folder.mkdir()
    (folder / "chain.pem").write_text(pem(root))
    gates = [kind(folder / kind.__name__, pem(root), gate) for kind in (Nginx, Haproxy)]
    for server in gates:
        (server.folder / "crls").symlink_to(folder / "crls")
    good, revoked = (Visitor(folder, pem(root), data) for data in (good, revoked))
    reader, over, mid_write, served = Reader(folder / "crls"), threading.Event(), 0, 0
    with contextlib.closing(Forger(client, root, key)) as forger:
        forger.listed.update({int.from_bytes(new_serial(), "big"): int(time.time()) for _ in range(5000)})
        forger.listed[serial_number(revoked.serial)] = int(time.time())
        forger.publish()
        publisher = threading.Thread(target=publish_until, args=(forger, over), daemon=True)
        publisher.start()
        reader.start()
        attempt = 0
        while attempt < KILLS or (mid_write == 0 and attempt < 10 * KILLS):
            attempt += 1
            follower = Follower(cluster, folder, ca=folder / "chain.pem").start()
            if attempt % 2:
                within(LIMIT, lambda: list((folder / "crls").glob(".*.new")))
            else:
                time.sleep(random.uniform(0, 1))
            follower.kill()
            mid_write += bool(list((folder / "crls").glob(".*.new")))
            if (folder / "crls" / "all.pem").exists():  # the first may die before there is anything
                serves(gates[served % 2], good, revoked)
                served += 1
            for left in (folder / "crls").glob(".*.new"):
                left.unlink()
        over.set()
        publisher.join(LIMIT)
        run = Follower(cluster, folder).once()
        assert run.returncode == 0, run.stderr
        last = forger.number
    reader.finish()
    assert reader.number == last and mid_write > 0 and served >= KILLS / 2
    show(capsys, f"{reader.reads} reads and {served} servers while {attempt} followers were killed, {mid_write} in the middle of a file")
