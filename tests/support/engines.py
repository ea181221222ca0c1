"""A real Kafka and a real Redis for tests and for playing: on free loopback ports, in folders of their own.

As a module: Kafka(folder) and Redis(folder), each with start, stop, kill, restart, pause and resume; data outlives
all but the folder. They die with the program that started them, however it ends. GuardedRedis(folder) is a primary, a
replica and three sentinels.

As a command: engines.py start --dir D [--no-redis] leaves them running and prints where they are, one name=value a
line; engines.py stop --dir D ends them. engines.py run COMMAND... has them for one command, which finds them in
CERTMILL_KAFKA_BROKERS and CERTMILL_REDIS_ADDRESS, and leaves nothing behind.

The jars of Kafka are in the folder that KAFKA_JARS names.
"""

import argparse
import base64
import contextlib
import ctypes
import itertools
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
PORTS = range(15000, 30000)  # which no outgoing connection is given while its server is down
next_port = itertools.count(random.randrange(len(PORTS)))


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port():
    """One after the other, so that none is given twice before it is taken."""
    while not is_free(port := PORTS[next(next_port) % len(PORTS)]):
        pass
    return port


def port_or_free(port):
    """The port if nobody has it, else any."""
    return port if is_free(port) else free_port()


def die_with(parent):
    """For preexec_fn: the kernel kills this process when its parent is gone."""

    def prepare():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class Process:
    """A process in a session of its own. Its pid stands in FOLDER/pid, its output in FOLDER/log."""

    stop_timeout = 30

    def __init__(self, folder, detached=False):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.detached = detached
        self.pid = None
        self._child = None

    def argv(self):
        raise NotImplementedError

    def environment(self):
        return None

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self._child = subprocess.Popen(
                self.argv(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=None if self.detached else die_with(os.getpid()),
            )
        self.pid = self._child.pid
        (self.folder / "pid").write_text(str(self.pid))
        return self

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def attach(self):
        """Finds the process that an earlier program left in this folder; False if there is none."""
        try:
            pid = int((self.folder / "pid").read_text())
            ours = Path(f"/proc/{pid}/cwd").samefile(self.folder)
        except (OSError, ValueError):
            return False
        if ours:
            self.pid = pid
        return ours

    def alive(self):
        if self.pid is None:
            return False
        if self._child is not None:
            return self._child.poll() is None
        return Path(f"/proc/{self.pid}").exists()

    def status(self):
        """The exit status of one that was started here and has ended, else None; -N: killed by signal N."""
        return self._child.poll() if self._child is not None else None

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout):
        """Has it ended, within that many seconds?"""
        deadline = time.monotonic() + timeout
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.alive()

    def tell(self, number):
        """The signal, unless it has ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            if self.alive():
                self.signal(number)

    def stop(self):
        """Asks it to end, in order; kills it when it does not."""
        if self.alive():
            self.tell(signal.SIGTERM)
            if not self.wait(self.stop_timeout):
                self.kill()
        self.pid = None

    def kill(self):
        if self.alive():
            self.tell(signal.SIGKILL)
            if not self.wait(60):  # it may be in the middle of a write to a slow disk
                raise RuntimeError(f"pid {self.pid} outlives SIGKILL")
        self.pid = None

    def restart(self):
        self.stop()
        return self.start()

    def pause(self):
        """On a busy machine its threads stop some time after the signal."""
        self.tell(signal.SIGSTOP)
        wait_until(lambda: self.stopped() or not self.alive(), "it did not stop")

    def resume(self):
        self.tell(signal.SIGCONT)

    def stopped(self):
        """Do all of its threads stand still?"""
        try:
            states = [f.read_text(errors="replace").rpartition(")")[2].split()[0] for f in Path(f"/proc/{self.pid}/task").glob("*/stat")]
        except OSError:
            return False
        return set(states) == {"T"}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()


def wait_until(true, what, timeout=60):
    """What is true then. A server that is not there, or that changes its role and closes its connections, is not yet as it should be."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if found := true():
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline, f"in {timeout} s {what}"
        time.sleep(0.02)


class Server(Process):
    """A process that serves a loopback port; start returns when it answers."""

    start_timeout = 60

    def __init__(self, folder, port=None, detached=False):
        super().__init__(folder, detached)
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"

    def answers(self):
        raise NotImplementedError

    def launch(self):
        """Starts it and does not wait."""
        return super().start()

    def start(self):
        self.launch()
        return self.await_answers()

    def await_answers(self):
        deadline = time.monotonic() + self.start_timeout
        while not self._answers():
            if not self.alive() or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{type(self).__name__} does not start:\n{self.log_tail()}")
            time.sleep(0.05)
        return self

    def _answers(self):
        try:
            return self.answers()
        except OSError:
            return False


class Redis(Server):
    """Runs compose/redis.conf. settings go over it, tls is the context of a client that it lets in, login a user and a password."""

    patience_s = 5  # for an answer

    def __init__(self, folder, port=None, detached=False, settings=None, tls=None, login=()):
        super().__init__(folder, port, detached)
        self.settings = settings or {}
        self.tls = tls
        self.login = login
        self.configuration = ROOT / "compose" / "redis.conf"

    @property
    def worker_settings(self):
        """What [redis] of a worker needs to find it."""
        return {"address": self.address}

    def options(self):
        ports = {"port": 0, "tls-port": self.port} if self.tls else {"port": self.port}
        return {"bind": "127.0.0.1", **ports, "dir": self.folder, **self.settings}

    def argv(self):
        options = [word for name, value in self.options().items() for word in (f"--{name}", *str(value).split())]
        return ["redis-server", str(self.configuration), *options]

    def answers(self):
        return self.command("PING") == b"+PONG"

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=self.patience_s)
        return self.tls.wrap_socket(s, server_hostname="localhost") if self.tls else s

    def command(self, *words):
        """The first line of the answer to one command."""
        return self._send(lambda file: file.readline().rstrip(), *words)

    def ask(self, *words):
        """The answer to one command: bytes, None, a list, or of a status, number or error its line."""
        return self._send(self._answer, *words)

    def _send(self, read, *words):
        with self.connect() as s, s.makefile("rwb") as file:
            for sent in ([["AUTH", *self.login]] if self.login else []) + [words]:
                sent = [word.encode() if isinstance(word, str) else word for word in sent]
                file.write(b"*%d\r\n" % len(sent) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in sent))
            file.flush()
            if self.login:
                file.readline()
            return read(file)

    def _answer(self, file):
        line = file.readline().rstrip()
        kind, count = line[:1], line[1:]
        if kind == b"$":
            return None if count == b"-1" else file.read(int(count) + 2)[:-2]
        if kind == b"*":
            return [self._answer(file) for _ in range(int(count))]
        return line


class Sentinel(Redis):
    """One sentinel, of three, that watches a primary under the name "certmill". What it learns it writes into its configuration."""

    def __init__(self, folder, primary):
        super().__init__(folder, tls=primary.tls, login=primary.login and ("default", primary.login[1]))
        self.primary = primary

    def launch(self):
        configuration = self.folder / "sentinel.conf"
        if not configuration.exists():
            certificates = {k: v for k, v in self.primary.settings.items() if k.startswith("tls-")}
            lines = [f"{name} {value}" for name, value in {**self.options(), **certificates}.items()]
            lines += [f"sentinel monitor certmill 127.0.0.1 {self.primary.port} 2"]
            lines += ["sentinel down-after-milliseconds certmill 5000", "sentinel failover-timeout certmill 20000"]
            if self.primary.login:
                user, password = self.primary.login
                lines += [f"sentinel auth-user certmill {user}", f"sentinel auth-pass certmill {password}"]
                lines += [f"requirepass {password}"]
            configuration.write_text("\n".join(lines) + "\n")
        return super().launch()

    def argv(self):
        return ["redis-server", str(self.folder / "sentinel.conf"), "--sentinel"]

    def primary_port(self):
        """Of the primary, as far as this sentinel knows; None where it does not answer."""
        try:
            address = self.ask("SENTINEL", "get-master-addr-by-name", "certmill")
        except OSError:
            return None
        return int(address[1]) if isinstance(address, list) else None

    def ready(self):
        """Does it know its primary's replica, and that the others agree?"""
        agree = self.command("SENTINEL", "CKQUORUM", "certmill").startswith(b"+OK 3 ")
        return agree and self.command("SENTINEL", "REPLICAS", "certmill") == b"*1"


class GuardedRedis:
    """A primary, its replica and three sentinels; which server is the primary changes. A lifetime like Redis'."""

    make_server = Redis

    def __init__(self, folder, settings=None, tls=None, login=()):
        folder = Path(folder)
        settings = {"repl-diskless-sync-delay": 0, **(settings or {})}
        self.servers = [self.make_server(folder / name, settings=dict(settings), tls=tls, login=login) for name in "ab"]
        first, second = self.servers
        for server in self.servers:  # sentinels have a server write its file again
            server.configuration = shutil.copy(server.configuration, server.folder)
        with open(second.configuration, "a", encoding="ascii") as file:
            file.write(f"replicaof 127.0.0.1 {first.port}\n")
        self.sentinels = [Sentinel(folder / f"sentinel{i}", first) for i in range(3)]

    @property
    def worker_settings(self):
        addresses = ",".join(sentinel.address for sentinel in self.sentinels)
        return {"sentinels": addresses, "sentinel_master": "certmill"}

    def everyone(self):
        return [*self.servers, *self.sentinels]

    def start(self):
        for server in self.everyone():
            server.start()
        return self.await_started()

    def await_started(self):
        wait_until(lambda: all(sentinel.ready() for sentinel in self.sentinels), "the sentinels did not agree")
        wait_until(lambda: self.linked(self.servers[1]), "the replica was not linked")
        return self

    @staticmethod
    def linked(replica):
        role = replica.ask("ROLE")
        return role[:1] == [b"slave"] and role[3] == b"connected"

    @property
    def primary(self):
        """By the word of the sentinels, of whom more than half agree."""
        ports = [sentinel.primary_port() for sentinel in self.sentinels]
        return next((server for server in self.servers if ports.count(server.port) >= 2), None)

    @property
    def replica(self):
        return next(server for server in self.servers if server is not self.primary)

    def promote_replica(self):
        """Asks for a failover. Does one begin? Not before the sentinel has heard of the replica that can take over."""
        return self.sentinels[1].command("SENTINEL", "FAILOVER", "certmill") == b"+OK"

    def failed_over(self, old):
        """The new primary, once the sentinels name it, and it says of itself that it is one."""
        new = self.primary
        return new if new not in (old, None) and new.ask("ROLE")[:1] == [b"master"] else None

    def wait_for_failover(self, old, timeout=120):
        return wait_until(lambda: self.failed_over(old), "there was no failover", timeout)

    def command(self, *words):
        return self.primary.command(*words)

    def kill(self):
        for server in reversed(self.everyone()):
            server.kill()


def new_cluster_id():
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


class Kafka(Server):
    """One broker that is its own controller, with compose/kafka.properties fitted to one node."""

    jvm = [
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX",
    ]
    single = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.listener.names": "CONTROLLER",
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        # a broker that was killed may come back as soon as its last session is over
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 8 << 20,
    }

    def __init__(self, folder, port=None, detached=False, settings=None, cluster_id=None):
        super().__init__(folder, port, detached)
        self.properties = self.folder / "server.properties"
        self.settings = settings or {}
        self.cluster_id = cluster_id or new_cluster_id()

    def java(self, main, *arguments):
        jars = os.environ.get("KAFKA_JARS")
        if not jars:
            raise RuntimeError("KAFKA_JARS does not name the folder of Kafka's jars; ./dev sets it")
        return ["java", *self.jvm, "-cp", f"{jars}/*", main, *map(str, arguments)]

    def launch(self):
        self.configure()
        if not (self.folder / "data" / "meta.properties").exists():
            self.format()
        return super().launch()

    def configure(self):
        controller = free_port()
        settings = {
            **self.single,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": self.folder / "data",
            **self.settings,
        }
        shipped = (ROOT / "compose" / "kafka.properties").read_text()
        ours = "".join(f"{name}={value}\n" for name, value in settings.items())
        self.properties.write_text(f"{shipped}\n{ours}")

    def format(self):
        command = self.java("kafka.tools.StorageTool", "format", f"--cluster-id={self.cluster_id}", "-c", self.properties)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Kafka's storage format failed:\n{done.stdout.decode(errors='replace')}")

    def argv(self):
        return self.java("kafka.Kafka", self.properties)

    def answers(self):
        """ApiVersions, version 0. The broker does not answer before it is ready to serve."""
        request = struct.pack(">hhih", 18, 0, 1, -1)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
            s.sendall(struct.pack(">i", len(request)) + request)
            answer = s.recv(10)
        return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)


def start(folder, with_redis):
    servers = [("kafka", Kafka, 9092)] + [("redis", Redis, 6379)] * with_redis
    for name, server, port in servers:
        address = folder / name / "address"
        if not server(folder / name).attach():
            address.write_text(server(folder / name, port_or_free(port), detached=True).start().address)
        print(f"{name}={address.read_text()}", flush=True)
    return 0


def stop(folder):
    for server in (Kafka(folder / "kafka"), Redis(folder / "redis")):
        if server.attach():
            server.stop()
    return 0


def run(command):
    with tempfile.TemporaryDirectory(prefix="certmill-") as folder:
        with Kafka(f"{folder}/kafka") as kafka, Redis(f"{folder}/redis") as redis:
            engines = {"CERTMILL_KAFKA_BROKERS": kafka.address, "CERTMILL_REDIS_ADDRESS": redis.address}
            with subprocess.Popen(command, env={**os.environ, **engines}) as child:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command decides what an interrupt does
                return child.wait()


def main():
    parser = argparse.ArgumentParser(description="A Kafka and a Redis on loopback.")
    commands = parser.add_subparsers(dest="what", required=True)
    for name in ("start", "stop"):
        command = commands.add_parser(name)
        command.add_argument("--dir", required=True, type=lambda path: Path(path).resolve())
    commands.choices["start"].add_argument("--no-redis", action="store_true")
    commands.add_parser("run").add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if arguments.what == "start":
        return start(arguments.dir, not arguments.no_redis)
    if arguments.what == "stop":
        return stop(arguments.dir)
    return run(arguments.command)


if __name__ == "__main__":
    sys.exit(main())
