"""The profile default: one broker, one Redis, three workers, and whatever happens to them under load."""

import json
import os
import time

import pytest

from client import Client
from load import PREFIX, crl, issuer, serial_number
from programs import LANGUAGES
from stack import docker, inspect

REQUESTS = int(os.environ.get("COMPOSE_TEST_REQUESTS", "20000"))
WORKERS = 3


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack("default")
    seconds = stack.up(WORKERS)
    print(f"ready after {seconds:.0f} s, at load {os.getloadavg()[0]:.0f}")
    return stack


@pytest.fixture(autouse=True)
def everything_is_ready_again(stack):
    yield
    stack.wait_ready()


def test_from_nothing_to_a_first_certificate(stack):
    answer = json.loads(stack.certmill("write", "-format=json", "pki/issue/web", "common_name=www.example.com").stdout)
    assert answer["data"]["certificate"].startswith("-----BEGIN CERTIFICATE-----")


def test_workers_are_confined(stack):
    for container in stack.containers("worker"):
        found = inspect(container)
        assert found["HostConfig"]["ReadonlyRootfs"]
        assert found["HostConfig"]["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in found["HostConfig"]["SecurityOpt"]
        assert found["Config"]["User"] == "1000:1000"
        environment = " ".join(found["Config"]["Env"])
        assert stack.exec("worker", "cat", "/run/keys/kek").stdout not in environment


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


def test_a_worker_is_killed_every_second(stack, make_load, verify):
    loads = make_load(stack, 3000, rate=150)
    kills = 0
    while any(load.sending for load in loads) or kills < 10:
        container = stack.containers("worker", everyone=True)[kills % WORKERS]
        docker("kill", "-s", "KILL", container, check=False)
        docker("start", container)
        kills += 1
        time.sleep(1)
    print(f"{kills} workers were killed")
    for load in loads:
        load.finish().check()
    verify(stack)


@pytest.mark.parametrize("engine", ["redis", "kafka"])
def test_an_engine_is_restarted(stack, make_load, verify, engine):
    loads = make_load(stack, 2000, rate=100)
    for _ in range(2):
        time.sleep(3)
        stack.compose("restart", "-t", "30", engine)
    for load in loads:
        load.finish().check()
    verify(stack)


def test_docker_stop_drains(stack, make_load, verify):
    """The worker ends by itself, well within its grace period, and what it had taken is answered."""
    loads = make_load(stack, 1000, rate=200)
    time.sleep(1)
    container = stack.containers("worker")[0]
    began = time.monotonic()
    docker("stop", "-t", "30", container)
    assert time.monotonic() - began < 29
    state = inspect(container)["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    for load in loads:
        load.finish().check()
    docker("start", container)
    verify(stack)


def test_rolling_upgrade_under_load(stack, make_load, verify, next_image):
    loads = make_load(stack, 3000, rate=100)
    for container in stack.containers("worker"):
        docker("stop", "-t", "30", container)
        assert inspect(container)["State"]["ExitCode"] == 0
        docker("rm", container)
        stack.compose(
            *("up", "-d", "--no-build", "--no-deps", "--no-recreate", "--scale", f"worker={WORKERS}", "worker"),
            environment={"CERTMILL_IMAGE": next_image},
        )
        stack.wait_ready()
    for load in loads:
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
