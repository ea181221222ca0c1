"""A Debian or Ubuntu with its own systemd, in a container (systemd-nspawn): it shares the loopback with what starts it.

The folder ROOT is a debootstrap; it is mounted read-only below an overlay, so that what happens in the machine is gone
with it.
"""

import secrets
import subprocess
import time
from pathlib import Path

from engines import Process


class Machine(Process):
    def __init__(self, folder, root, shared):
        super().__init__(folder)
        self.root = root
        self.shared = shared
        self.name = f"certmill-{secrets.token_hex(4)}"

    def argv(self):
        return [
            *("systemd-nspawn", "--directory", str(self.root), "--volatile=overlay", "--boot"),
            *("--register=no", "--keep-unit", "--machine", self.name, "--console=passive"),
            "--capability=CAP_IPC_LOCK",  # else the container's own filter takes mlock away from all in it
            *(f"--bind-ro={self.shared}:/shared", "--resolv-conf=copy-host"),
        ]

    def start(self, timeout=120):
        super().start()
        deadline = time.monotonic() + timeout
        while self.alive() and time.monotonic() < deadline:
            if self.leader() and self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
                return self
            time.sleep(0.5)
        log = self.log_tail(60)
        self.kill()
        raise RuntimeError(f"the machine did not come up:\n{log}")

    def leader(self):
        """The machine's first process."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return children[0] if children else None

    def run(self, *words, timeout=300, **options):
        """Runs a command in the machine to its end."""
        inside = ["nsenter", "--target", self.leader(), "--mount", "--uts", "--ipc", "--pid", "--root", "--wd=/"]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        return subprocess.run(
            [*inside, *map(str, words)], env=environment, capture_output=True, text=True, timeout=timeout, check=False, **options
        )

    def must(self, *words, **options):
        """The same for one that must succeed; returns what it printed."""
        ended = self.run(*words, **options)
        assert ended.returncode == 0, f"{' '.join(map(str, words))}: status {ended.returncode}\n{ended.stdout}{ended.stderr}"
        return ended.stdout
