"""certmill under test: its topics on a broker, a Redis of its own, its workers and its command line."""

import os
import secrets
import signal
import subprocess
from pathlib import Path

from engines import Process, Redis

PROGRAMS = Path(os.environ.get("PROGRAMS") or Path(__file__).resolve().parents[2] / "build" / "bin")


class Worker(Process):
    """One certmill-worker process."""

    def __init__(self, folder, config, slot, environment=None):
        super().__init__(folder)
        self.config = config
        self.slot = slot
        self.more_environment = environment or {}

    def argv(self):
        return [str(PROGRAMS / "certmill-worker"), "run", "--config", str(self.config)]

    def environment(self):
        return {**os.environ, "CERTMILL_SLOT": self.slot, **self.more_environment}

    def finish(self):
        """SIGTERM; it must end well."""
        if self.alive():
            self.signal(signal.SIGTERM)
            assert self.wait(60), f"worker {self.slot} did not end 60 s after SIGTERM:\n{self.log_tail()}"
        status = self.status()
        assert status in (0, None), f"worker {self.slot} ended with {status}:\n{self.log_tail(100)}"
        self.pid = None


class Cluster:
    """
    Everything of one prefix. Settings are {section: {name: value}} over the tests' own; redis makes the Redis of a folder.
    """

    def __init__(self, kafka, folder, settings=None, redis=Redis):
        self.kafka = kafka
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prefix = f"t{secrets.token_hex(4)}"
        self.redis = redis(self.folder / "redis")
        self.config = self.folder / "worker.ini"
        self.settings = settings or {}
        self.workers = []
        self._client = None

    def write_config(self, config=None, settings=None):
        """The configuration of all workers; or into another file, with settings of one worker's own."""
        kek = self.folder / "kek"
        if not kek.exists():
            kek.touch(mode=0o600)
            kek.write_text(secrets.token_hex(32))
        sections = {
            "kafka": {"brokers": self.kafka.address},
            "topics": {"prefix": self.prefix},
            "redis": self.redis.worker_settings,
            "keys": {"kek_file": kek},
            "worker": {"single": "true"},
        }
        for section, own in (*self.settings.items(), *(settings or {}).items()):
            sections.setdefault(section, {}).update(own)
        lines = []
        for section, own in sections.items():
            lines += [f"[{section}]", *(f"{name} = {value}" for name, value in own.items()), ""]
        (config or self.config).write_text("\n".join(lines))

    def start(self, workers=1):
        """Redis, the topics, and that many workers."""
        self.redis.start()
        self.write_config()
        single = self.settings.get("worker", {}).get("single") != "false"
        made = self.worker_command("topics", *["--single"] * single)
        assert made.returncode == 0, f"certmill-worker topics ended with {made.returncode}:\n{made.stderr}"
        for _ in range(workers):
            self.add_worker()
        return self

    def add_worker(self, environment=None):
        slot = f"w{len(self.workers)}"
        worker = Worker(self.folder / slot, self.config, slot, environment)
        self.workers.append(worker)
        return worker.start()

    @property
    def worker(self):
        return self.workers[0]

    @property
    def client(self):
        """Collects the answers from its first use on."""
        from client import Client  # only the tests have its packages

        if self._client is None:
            self._client = Client(self.kafka.address, self.prefix)
        return self._client

    def client_environment(self):
        return {"CERTMILL_BROKERS": self.kafka.address, "CERTMILL_PREFIX": self.prefix}

    def worker_command(self, command, *arguments, **options):
        """Runs certmill-worker COMMAND with this cluster's configuration to its end."""
        return self.run(["certmill-worker", command, "--config", self.config, *arguments], {}, **options)

    def certmill(self, *arguments, **options):
        """Runs the command line to its end; options go to subprocess.run."""
        return self.run(["certmill", *arguments], self.client_environment(), **options)

    def run(self, words, environment, timeout=60, **options):
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        program, *arguments = map(str, words)
        return subprocess.run(
            [PROGRAMS / program, *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **options,
        )

    def logs(self):
        return "\n".join(f"--- {worker.slot}\n{worker.log_tail(200)}" for worker in self.workers)

    def finish(self):
        """Stops the workers in order, and says it if one did not end well."""
        try:
            for worker in self.workers:
                worker.finish()
        finally:
            self.abandon()

    def abandon(self):
        for worker in self.workers:
            worker.kill()
        self.redis.kill()
        if self._client is not None:
            self._client.close()
            self._client = None
