"""compose/ brought up and taken down: one project of its own, of one profile."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "compose"
IMAGE = os.environ.get("COMPOSE_TEST_IMAGE", "certmill:test")
START_SECONDS = 300  # a loaded machine; what it took is printed
SHELLS = ("sh", "bash", "dash")
figures = []  # lines that stand at the end of a run, whether its tests pass or not


def tell(text):
    figures.append(f"{text} (load {os.getloadavg()[0]:.0f})")


def run(*words, check=True, timeout=600, **options):
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )
    assert not check or done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


def docker(*words, **options):
    return run("docker", *words, **options)


def inspect(name):
    return json.loads(docker("inspect", name).stdout)[0]


def without_shells():
    """Options of docker run: nothing can be written, and of the image's files the libraries and /usr/bin are left, without shells."""
    hidden = [word for path in ("/usr/sbin", "/usr/local", "/var", "/etc", "/opt", "/home", "/root") for word in ("--tmpfs", path)]
    return ["--read-only", "--cap-drop", "ALL", *hidden, *(word for name in SHELLS for word in ("-v", f"/dev/null:/usr/bin/{name}:ro"))]


class Stack:
    """A profile's services have the profile's name behind their own, but for default's: kafka, kafka-secure, kafka-ha-1."""

    compose_command = ("docker-compose",)

    def __init__(self, profile, ports, image, project=None):
        self.profile = profile
        self.suffix = "" if profile == "default" else f"-{profile}"
        self.project = project or f"certmilltest{profile}"
        self.brokers = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.environment = {
            "COMPOSE_PROFILES": profile,
            "COMPOSE_PROJECT_NAME": self.project,
            "CERTMILL_IMAGE": image,
            "KAFKA_PORT": str(ports[0]),
            "KAFKA_PORT_2": str(ports[1]),
            "KAFKA_PORT_3": str(ports[2]),
        }

    def compose(self, *words, environment=None, **options):
        environment = {**os.environ, **self.environment, **(environment or {})}
        return run(*self.compose_command, *words, cwd=FOLDER, env=environment, **options)

    def service(self, name):
        """kafka-1 is kafka-ha-1."""
        base, number = re.fullmatch(r"(.*?)(-\d+)?", name).groups()
        return base + self.suffix + (number or "")

    def containers(self, name, everyone=False):
        """Ids of a service's containers that run; everyone: or have ended."""
        filters = [f"label=com.docker.compose.project={self.project}", f"label=com.docker.compose.service={self.service(name)}"]
        words = [word for f in filters for word in ("--filter", f)]
        return docker("ps", "-q", "--no-trunc", *(["-a"] if everyone else []), *words).stdout.split()

    def container(self, name):
        found = self.containers(name, everyone=True)
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def up(self, workers=1, environment=None):
        """Everything, and waits until all of it is ready; returns how many seconds that took."""
        began = time.monotonic()
        try:
            self.compose("up", "-d", "--no-build", "--scale", f"{self.service('worker')}={workers}", environment=environment)
            self.wait_ready()
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.logs()}") from None
        self.check_containers()
        took = time.monotonic() - began
        tell(f"{self.project}: everything is ready {took:.1f} s after `up`")
        return took

    def wait_ready(self):
        """Every service with a health check is healthy, every other runs, every job has ended well."""
        deadline = time.monotonic() + START_SECONDS
        while left := self.not_ready():
            assert time.monotonic() < deadline, f"not ready in {START_SECONDS} s: {left}"
            time.sleep(0.5)

    def not_ready(self):
        ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}").stdout.split()
        left = []
        for found in json.loads(docker("inspect", *ids).stdout) if ids else []:
            state, name = found["State"], found["Name"]
            if found["Config"].get("Healthcheck"):
                if state.get("Health", {}).get("Status") != "healthy" or not state["Running"]:
                    left.append(f"{name}: {state.get('Health', {}).get('Status')}")
            elif found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped":
                left += [] if state["Running"] else [f"{name} does not run"]
            elif state["Running"] or state["Restarting"]:
                left.append(f"{name} runs")
            else:
                assert state["ExitCode"] == 0, f"{name} ended with {state['ExitCode']}"
        return left or ([] if ids else ["nothing is there"])

    def check_containers(self):
        """What is published is for this machine alone, and what is of our image has no rights."""
        ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}").stdout.split()
        for found in json.loads(docker("inspect", *ids).stdout):
            name, host, own = found["Name"], found["HostConfig"], found["Config"]["Image"] == self.environment["CERTMILL_IMAGE"]
            bound = {**(host["PortBindings"] or {}), **(found["NetworkSettings"]["Ports"] or {})}
            places = {place["HostIp"] for port in bound.values() for place in port or []}
            assert places <= {"127.0.0.1"}, f"{name} is published on {places}"
            assert not host["PublishAllPorts"] and host["NetworkMode"] != "host" and not host["Privileged"], name
            if own:
                confined = found["Config"]["User"], host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"] or []
                assert confined == ("1000:1000", True, ["ALL"], []), f"{name}: {confined}"
                assert "no-new-privileges:true" in host["SecurityOpt"], name

    def down(self, volumes=False):
        self.compose("down", "--remove-orphans", *(["--volumes"] if volumes else []))

    def logs(self, lines=40):
        return self.compose("logs", "--no-color", "--tail", lines, check=False).stdout

    def exec(self, name, *words, **options):
        return docker("exec", self.containers(name)[0], *words, **options)

    def certmill(self, *words, **options):
        """The command line in a worker's container."""
        return self.exec("worker", "certmill", *words, **options)
