"""What reads CRLs: certmill's follower, and the servers of examples/subscribers that it keeps current."""

import os
import re
import shutil
import socket
import ssl

from cryptography import x509

from cluster import PROGRAMS
from engines import ROOT, Process, Server, free_port

EXAMPLES = ROOT / "examples" / "subscribers"
REFUSED = "alert"


def program(name):
    """Where Debian has it; /usr/sbin is not on everybody's path."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert path, f"{name} is not installed; ./dev installs it"
    return path


class Follower(Process):
    """certmill follow crl, from a cluster's topics into FOLDER/crls."""

    def __init__(self, cluster, folder, *options, ca=None):
        super().__init__(folder / "follower")
        self.cluster = cluster
        self.options = ["-dir", folder / "crls", *(["-ca", ca] if ca else []), *options]

    def argv(self):
        return [str(PROGRAMS / "certmill"), "follow", "crl", *map(str, self.options)]

    def environment(self):
        return {**os.environ, **self.cluster.client_environment()}

    def once(self):
        """To the end that stands now; the CompletedProcess."""
        return self.cluster.certmill("follow", "crl", *self.options, "-once")


class Gate(Server):
    """A web server in a folder of its own that holds ca.pem, server.pem, server.key and crls; only its ports are changed."""

    shipped = None
    doors = [8443]
    remembering = {}  # what is to be replaced in the shipped configuration by what remembers sessions

    def __init__(self, folder, ca, server):
        super().__init__(folder)
        self.ports = [self.port] + [free_port() for _ in self.doors[1:]]
        (folder / "ca.pem").write_text(ca)
        # one wants the key in a file of its own, the other does not
        (folder / "server.pem").write_text(server["certificate"] + server["issuing_ca"] + server["private_key"])
        (folder / "server.key").write_text(server["private_key"])
        text = (EXAMPLES / self.shipped).read_text()
        for door, port in zip(self.doors, self.ports):
            assert text.count(f"127.0.0.1:{door}") == 1
            text = text.replace(f"127.0.0.1:{door}", f"127.0.0.1:{port}")
        (folder / self.shipped).write_text(text)

    def answers(self):
        socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        return True

    def reload_command(self):
        raise NotImplementedError

    def remember_sessions(self):
        """As no server with a CRL should: with a session cache and tickets."""
        path = self.folder / self.shipped
        text = path.read_text()
        for forgets, remembers in self.remembering.items():
            assert forgets in text
            text = text.replace(forgets, remembers)
        path.write_text(text)

    def log(self):
        errors = self.folder / "error.log"
        return super().log() + (errors.read_text() if errors.exists() else "")


class Nginx(Gate):
    shipped = "nginx.conf"
    remembering = {"ssl_session_tickets off;": "ssl_session_tickets on;", "ssl_session_cache off;": "ssl_session_cache shared:s:1m;"}

    def words(self):
        return [program("nginx"), "-p", str(self.folder), "-e", "error.log", "-c", self.shipped]

    def argv(self):
        return [*self.words(), "-g", "daemon off;"]

    def reload_command(self):
        return " ".join([*self.words(), "-s", "reload"])


class Haproxy(Gate):
    shipped = "haproxy.cfg"
    doors = [8443, 8444]
    remembering = {"tune.ssl.cachesize 0": "tune.ssl.cachesize 20000", " no-tls-tickets": ""}

    def argv(self):
        return [program("haproxy"), "-W", "-db", "-C", str(self.folder), "-f", self.shipped]

    def restart_command(self):
        """New processes in the place of the old ones, as `systemctl reload haproxy` has it."""
        return f"kill -USR2 {self.pid}"

    def reload_command(self):
        return f"{EXAMPLES}/haproxy-crl {self.folder}/haproxy.sock crls/all.pem {self.folder}/crls/all.pem"


class Visitor:
    """Who has a certificate of the data of an `issue`, which may be used again and again, and remembers its TLS sessions."""

    def __init__(self, folder, ca, data, version=ssl.TLSVersion.TLSv1_3):
        self.serial = data["serial_number"]
        path = folder / f"{self.serial.replace(':', '')}.pem"
        path.write_text(data["private_key"] + data["certificate"])
        self.context = ssl.create_default_context(cadata=ca)
        self.context.load_cert_chain(path)
        self.context.minimum_version = self.context.maximum_version = version
        self.sessions = {}
        self.resumed = False

    def visit(self, port, resume=False):
        """The status of the answer; REFUSED when the handshake was refused. resume: with the session of the last visit."""
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            try:
                session = self.sessions.get(port) if resume else None
                with self.context.wrap_socket(plain, server_hostname="gate.example.com", session=session) as s:
                    s.sendall(b"GET / HTTP/1.1\r\nHost: gate.example.com\r\nConnection: close\r\n\r\n")
                    answer = b"".join(iter(lambda: s.recv(4096), b""))
                    self.sessions[port] = s.session
                    self.resumed |= s.session_reused
            except ssl.SSLCertVerificationError:
                raise  # of the server's, which is ours to mend
            except (ssl.SSLError, ConnectionResetError):
                return REFUSED
        return int(re.match(rb"HTTP/1\.1 (\d{3}) ", answer)[1])


def crls_of(pem):
    """Every CRL of a file; raises on one that is not whole, and on anything behind the last one."""
    blocks = re.findall(rb"-----BEGIN X509 CRL-----\n.*?-----END X509 CRL-----\n", pem, re.S)
    assert b"".join(blocks) == pem, "there is more in it than CRLs"
    return [x509.load_pem_x509_crl(block) for block in blocks]


def number_of(crl):
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
