"""The profile default: one broker, one Redis, three workers, and whatever happens to them under load."""

import json
import os
import threading
import time

import pytest

from client import Client
from load import PREFIX, crl, issuer, serial_number
from programs import LANGUAGES
from stack import IMAGE, SHELLS, docker, inspect, tell, without_shells

REQUESTS = int(os.environ.get("COMPOSE_TEST_REQUESTS", "20000"))
WORKERS = 3
READY_S = 60  # what is promised, on two cores
ATTEMPTS = 3
KILLS = 20


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack("default")
    stack.took = stack.up(WORKERS)
    return stack


@pytest.fixture(autouse=True)
def everything_is_ready_again(stack):
    yield
    stack.wait_ready()


def test_ready_in_the_time_that_is_promised(stack):
    """The fastest of a few: a machine that has other work must not fail it, something that waits too long must."""
    took = [stack.took]
    while min(took) >= READY_S and len(took) < ATTEMPTS:
        stack.down(volumes=True)
        took.append(stack.up(WORKERS))
    assert min(took) < READY_S, f"from nothing it took {took} s"


def test_from_nothing_to_a_first_certificate(stack):
    answer = json.loads(stack.certmill("write", "-format=json", "pki/issue/web", "common_name=www.example.com").stdout)
    assert answer["data"]["certificate"].startswith("-----BEGIN CERTIFICATE-----")


def test_the_key_stands_in_no_environment(stack):
    for container in stack.containers("worker"):
        environment = " ".join(inspect(container)["Config"]["Env"])
        assert stack.exec("worker", "cat", "/run/keys/kek").stdout not in environment


def test_a_worker_serves_without_a_shell(stack):
    """It gets ready, says so to `health`, and ends in order."""
    found = inspect(stack.containers("worker")[0])
    settings = [word for setting in found["Config"]["Env"] for word in ("-e", setting)]
    place = ["--network", found["HostConfig"]["NetworkMode"], "-v", f"{stack.project}_keys:/run/keys:ro", "--ulimit", "memlock=8388608"]
    name = f"{stack.project}-shell-less"
    docker("run", "-d", "--name", name, *place, *settings, *without_shells(), IMAGE, "run")
    try:
        deadline = time.monotonic() + 120
        while docker("exec", name, "certmill-worker", "health", check=False).stdout != "ready\n":
            assert time.monotonic() < deadline, docker("logs", name).stderr
            time.sleep(0.5)
        for shell in SHELLS:
            assert docker("exec", name, shell, "-c", "true", check=False).returncode != 0, shell
        docker("stop", "-t", "60", name)
        assert inspect(name)["State"]["ExitCode"] == 0
    finally:
        docker("rm", "-f", name)


def test_slots_are_host_names(stack):
    """Each container has its own; none of them fences another."""
    names = {inspect(container)["Config"]["Hostname"] for container in stack.containers("worker")}
    assert len(names) == WORKERS
    slots = {line.split("slot=")[1].split()[0] for line in logs(stack) if "worker_ready" in line}
    assert slots == names
    assert not [line for line in logs(stack) if "slot_taken" in line]


def test_requests_with_three_workers(stack, make_load, verify):
    for load in make_load(stack, REQUESTS, rate=2000, kinds=LANGUAGES):
        load.finish().check()
    verify(stack)


class Killer(threading.Thread):
    """Kills a container with SIGKILL and starts it again; told: the moment of the kill, None if it was not one."""

    def __init__(self, container):
        super().__init__(daemon=True)
        self.container = container
        self.told = None

    def started_at(self):
        return inspect(self.container)["State"]["StartedAt"]

    def run(self):
        before = self.started_at()
        killed, at = docker("kill", "-s", "KILL", self.container, check=False).returncode == 0, time.monotonic()
        docker("start", self.container)
        if killed and self.started_at() != before:
            self.told = at


def test_a_worker_is_killed_every_second(stack, make_load, verify):
    """By the clock: each of them in a thread, as Docker may take longer than a second to start it again."""
    (load,) = make_load(stack, None, rate=100)
    load.goes_on()
    containers = stack.containers("worker")
    began, killers = time.monotonic(), []
    for number in range(KILLS):
        time.sleep(max(0, began + number - time.monotonic()))
        assert load.sending
        killers.append(Killer(containers[number % WORKERS]))
        if number >= WORKERS:
            killers[-1 - WORKERS].join(60)  # one at a time for each container
        killers[-1].start()
    for killer in killers:
        killer.join(60)
    kills = sorted(killer.told for killer in killers if killer.told)
    tell(f"{len(kills)} of {KILLS} kills hit a worker that ran, in {kills[-1] - kills[0]:.0f} s")
    assert len(kills) > KILLS / 2
    load.goes_on()
    load.finish().check()
    verify(stack)


@pytest.mark.parametrize("engine", ["redis", "kafka"])
def test_an_engine_is_restarted(stack, make_load, verify, engine):
    (load,) = make_load(stack, None, rate=100)
    for _ in range(2):
        load.goes_on()
        (container,) = stack.containers(engine)
        before = inspect(container)["State"]["StartedAt"]
        assert load.sending
        stack.compose("restart", "-t", "30", engine)
        assert inspect(container)["State"]["StartedAt"] != before
    load.goes_on()
    load.finish().check()
    verify(stack)


def test_docker_stop_drains(stack, make_load, verify):
    """The worker ends by itself, well within its grace period, and what it had taken is answered."""
    (load,) = make_load(stack, None, rate=200)
    load.goes_on()
    container = stack.containers("worker")[0]
    began = time.monotonic()
    docker("stop", "-t", "30", container)
    assert time.monotonic() - began < 29
    state = inspect(container)["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    load.goes_on()
    load.finish().check()
    docker("start", container)
    verify(stack)


def test_rolling_upgrade_under_load(stack, make_load, verify, next_image):
    (load,) = make_load(stack, None, rate=100)
    for container in stack.containers("worker"):
        load.goes_on()
        docker("stop", "-t", "30", container)
        assert inspect(container)["State"]["ExitCode"] == 0
        docker("rm", container)
        stack.compose(
            *("up", "-d", "--no-build", "--no-deps", "--no-recreate", "--scale", f"worker={WORKERS}", "worker"),
            environment={"CERTMILL_IMAGE": next_image},
        )
        stack.wait_ready()
    load.goes_on()
    load.finish().check()
    assert {inspect(c)["Config"]["Image"] for c in stack.containers("worker")} == {next_image}
    verify(stack)


def test_down_and_up_again_with_the_volumes(stack, make_load, verify):
    """The CA, the certificates, the revocations and the answers are those of before."""
    (before,) = [load.finish() for load in make_load(stack, 300, rate=200)]
    before.check()
    ca = issuer(before.client)
    listed = {entry.serial_number for entry in crl(before.client, ca)}
    stack.down()
    assert not stack.containers("worker", everyone=True)
    stack.up(WORKERS)
    client = Client(stack.brokers, PREFIX)
    try:
        assert issuer(client) == ca
        assert listed <= {entry.serial_number for entry in crl(client, ca)}
        old = next(a[0] for a in before.client.answers.values() if a[0].ok and a[0].body["op"] == "issue")
        replay = client.ask("issue", {"common_name": "a.example.com"}, role="web", id=old.body["id"], timeout=120)
        assert replay.replayed and replay.data["serial"] == old.data["serial"]
        client.ask("revoke", {"serial_number": old.data["serial"]}, timeout=120).data
        assert serial_number(old.data["serial"]) in {entry.serial_number for entry in crl(client, ca)}
    finally:
        client.close()
    for load in make_load(stack, 500, rate=200):
        load.finish().check()
    verify(stack)


def logs(stack):
    return stack.compose("logs", "--no-color", "worker").stdout.splitlines()
