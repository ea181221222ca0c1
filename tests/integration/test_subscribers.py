"""Servers that reject who is revoked: nginx and HAProxy, as examples/subscribers has them, kept by `certmill follow crl`."""

import contextlib
import random
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from forger import Forger, new_serial
from pki import ca_bundle, ca_certificate, key_pem, name, pem
from subscribers import REFUSED, Follower, Haproxy, Nginx, Visitor, crls_of, number_of

LIMIT = 60  # seconds, of a loaded machine; what it took is printed
KILLS = 30
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
        data = self.ask("issue", {"common_name": f"{host}.example.com"}, role="web")
        return {field: text.rstrip() + "\n" if isinstance(text, str) and "-----" in text else text for field, text in data.items()}

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

    def follower(self, gate):
        return running(Follower(self.cluster, gate.folder, "-exec", gate.reload_command(), ca=gate.folder / "chain.pem"))


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


# port of the door, the answer to who is revoked
DOORS = [(Nginx, 0, 400), (Haproxy, 0, REFUSED), (Haproxy, 1, 403)]


@pytest.mark.parametrize("kind, door, refusal", DOORS, ids=["nginx", "haproxy-alert", "haproxy-403"])
def test_the_revoked_is_rejected(shop, capsys, kind, door, refusal):
    revoked, other = shop.visitor(), shop.visitor()
    with shop.guarded(kind) as gate:
        port = gate.ports[door]
        assert revoked.visit(port) == 200 and other.visit(port) == 200
        answered = shop.revoke(revoked)
        rejected = rejected_for_good(revoked, port, refusal)
        show(capsys, f"{kind.__name__} rejected {rejected - answered:.2f} s after the answer to the revocation")
        assert other.visit(port) == 200
    # a subscriber that starts later, with what the topic holds
    late = shop.gate(kind)
    with running(late):
        assert revoked.visit(late.ports[door]) == refusal and other.visit(late.ports[door]) == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("kind, door, refusal", DOORS, ids=["nginx", "haproxy-alert", "haproxy-403"])
def test_a_session_is_not_resumed(shop, kind, door, refusal, version):
    visitor = shop.visitor(version=version)
    with shop.guarded(kind) as gate:
        port = gate.ports[door]
        assert [visitor.visit(port, resume=True) for _ in range(3)] == [200] * 3
        assert visitor.sessions[port] is not None and not visitor.resumed
        shop.revoke(visitor)
        rejected_for_good(visitor, port, refusal)
        assert visitor.visit(port, resume=True) == refusal and not visitor.resumed


def test_nobody_comes_in_while_a_crl_of_the_chain_is_missing(shop):
    visitor, gate = shop.visitor(), shop.gate(Nginx)
    both = crls_of((gate.folder / "crls" / "all.pem").read_bytes())
    assert {crl.issuer for crl in both} == {x509.load_pem_x509_certificate(c.encode()).subject for c in (shop.root, shop.intermediate)}
    for crl in both:
        (gate.folder / "crls" / "all.pem").write_text(pem(crl))
        with running(gate):
            assert visitor.visit(gate.port) == 400
    # and -once, which makes the file again, says it before a server starts
    assert Follower(shop.cluster, gate.folder, ca=gate.folder / "chain.pem").once().returncode == 0
    with running(gate):
        assert visitor.visit(gate.port) == 200
    key = ec.generate_private_key(ec.SECP256R1())
    with open(gate.folder / "chain.pem", "a") as chain:
        chain.write(pem(ca_certificate("Another", key, name("Another"), key)))
    run = Follower(shop.cluster, gate.folder, ca=gate.folder / "chain.pem").once()
    assert run.returncode == 1 and "no CRL" in run.stderr


def test_nobody_comes_in_with_an_expired_crl(fresh_cluster):
    """The root's, which nobody makes again in time."""
    shop = Shop(fresh_cluster)
    visitor = shop.visitor()
    with shop.guarded(Nginx) as gate:
        assert visitor.visit(gate.port) == 200
        shop.cluster.worker.stop()
        with contextlib.closing(Forger(shop.cluster.client, shop.root_certificate, shop.root_key, "root")) as forger:
            forger.publish(validity=5)
        within(LIMIT, lambda: visitor.visit(gate.port) == 400)
        expired = crls_of_mount(gate, "root")
        assert number_of(expired) == forger.number and expired.next_update_utc.timestamp() < time.time()
        run = Follower(shop.cluster, shop.new_folder()).once()
        assert run.returncode == 1 and "expired" in run.stderr
        shop.cluster.worker.start()
        within(LIMIT, lambda: visitor.visit(gate.port) == 200)


# ---- an older CRL, a forged one ----


def write_again(shop, record, value=None, number=None):
    """The record once more, by somebody else, or one like it."""
    headers = [(n, str(number).encode() if n == "number" and number else v) for n, v in record.headers]
    shop.cluster.client.produce("crl", record.value if value is None else value, record.key, headers)


def newest(shop):
    return max(int(record.header("number")) for record in shop.crl_records())


def test_an_older_crl_brings_nobody_back(shop, capsys):
    visitor = shop.visitor()
    with shop.guarded(Nginx) as gate:
        before = shop.crl_records()[-1]
        shop.revoke(visitor)
        rejected_for_good(visitor, gate.port, 400)
        after = newest(shop)
        write_again(shop, before)
        injected = time.monotonic()
        assert shop.crl_records()[-1].header("number") == before.header("number") or newest(shop) > after

        def published():
            assert visitor.visit(gate.port) == 400, "the older CRL counts"
            return newest(shop) > after

        again = within(LIMIT, published)
        show(capsys, f"published again {again - injected:.2f} s after an older CRL was written")
        late = shop.gate(Nginx)
        with running(late):
            assert visitor.visit(late.port) == 400 and visitor.visit(gate.port) == 400


def test_an_older_crl_while_no_worker_runs(fresh_cluster):
    shop = Shop(fresh_cluster)
    visitor = shop.visitor()
    with shop.guarded(Nginx) as gate:
        before = shop.crl_records()[-1]
        shop.revoke(visitor)
        rejected_for_good(visitor, gate.port, 400)
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
        assert visitor.visit(gate.port) == 400


def crls_of_mount(gate, mount):
    (path,) = (gate.folder / "crls").glob(f"{mount}.*.der")
    return x509.load_der_x509_crl(path.read_bytes())


def test_a_forged_crl_is_passed_over(shop):
    """By another key under the CA's name, by another CA, by no CA; with a higher number each."""
    visitor = shop.visitor()
    with shop.guarded(Nginx) as gate, contextlib.closing(Forger(shop.cluster.client, *forged_ca(shop))) as forger:
        shop.revoke(visitor)
        rejected_for_good(visitor, gate.port, 400)
        record, number = shop.crl_records()[-1], newest(shop) + 1000
        forger.crl_key = record.key
        forger.publish(number=number)
        write_again(shop, record, shop.crl_records("root")[-1].value, number)
        write_again(shop, record, b"no CRL", number)
        write_again(shop, record, number=number)
        within(LIMIT, lambda: int(shop.crl_records()[-1].header("number")) < number)  # the owner's stands again
        last = int(shop.crl_records()[-1].header("number"))
        within(LIMIT, lambda: number_of(crls_of_mount(gate, "pki")) >= last)
        assert visitor.visit(gate.port) == 400
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


def test_a_killed_follower_leaves_no_half_file(fresh_cluster, capsys):
    """CRLs of 5,000 entries come one after the other; half of the kills wait until a file is being written."""
    cluster, client = fresh_cluster, fresh_cluster.client
    bundle, _, intermediate = ca_bundle()
    client.ask("mount/write", {"allow_clear_keys": True}).data
    client.ask("ca/set", {"pem_bundle": bundle}).data
    within(LIMIT, lambda: client.read("crl"))
    cluster.worker.stop()
    key = serialization.load_pem_private_key(bundle.encode(), None)
    folder = cluster.folder / "killed"
    (folder / "crls").mkdir(parents=True)
    reader, over, mid_write = Reader(folder / "crls"), threading.Event(), 0
    with contextlib.closing(Forger(client, intermediate, key)) as forger:
        forger.listed.update({int.from_bytes(new_serial(), "big"): int(time.time()) for _ in range(5000)})
        forger.publish()
        publisher = threading.Thread(target=publish_until, args=(forger, over), daemon=True)
        publisher.start()
        reader.start()
        attempt = 0
        while attempt < KILLS or (mid_write == 0 and attempt < 10 * KILLS):
            attempt += 1
            follower = Follower(cluster, folder).start()
            if attempt % 2:
                within(LIMIT, lambda: list((folder / "crls").glob(".*.new")))
            else:
                time.sleep(random.uniform(0, 1))
            follower.kill()
            mid_write += bool(list((folder / "crls").glob(".*.new")))
            for left in (folder / "crls").glob(".*.new"):
                left.unlink()
        over.set()
        publisher.join(LIMIT)
        run = Follower(cluster, folder).once()
        assert run.returncode == 0, run.stderr
        last = forger.number
    reader.finish()
    assert reader.number == last and mid_write > 0
    show(capsys, f"{reader.reads} reads while {attempt} followers were killed, {mid_write} of them in the middle of a file")
