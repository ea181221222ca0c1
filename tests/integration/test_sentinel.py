"""Redis behind sentinels: whichever server is the primary, and whatever it has lost, every request is answered once."""

import threading
import time

import pytest

from client import open_shop
from engines import GuardedRedis, Redis, wait_until
from promises import verify


@pytest.fixture
def guarded(make_cluster):
    return make_cluster(redis=GuardedRedis)


def issue(client):
    return client.send(client.request("issue", {"common_name": "a.example.com"}, role="web"))


class Load:
    """Issue requests, one behind the other, from the begin to the end of a block; answered() waits for all of them."""

    def __init__(self, client):
        self.client, self.ids, self.stop = client, [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            self.ids.append(issue(self.client))
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def answered(self):
        answers = self.client.wait_for_all(self.ids, timeout=180)
        assert all(a.ok for a in answers), [a.error for a in answers if not a.ok][:3]
        self.client.collect(1)
        twice = [i for i in self.ids if len(self.client.answers[i]) != 1]
        assert not twice, f"{len(twice)} of {len(self.ids)} requests were answered more than once"
        return answers


def serves(client):
    """The worker works, on whatever server."""
    assert client.ask("issue", {"common_name": "a.example.com"}, role="web", timeout=120).ok


def test_the_primary_is_killed_under_load(guarded):
    client, redis = open_shop(guarded.client), guarded.redis
    old = redis.primary
    with Load(client) as load:
        time.sleep(2)
        old.kill()
        new = redis.wait_for_failover(old)
        serves(client)
        time.sleep(2)
    assert len(load.answered()) > 100
    assert f"redis={new.address}" in guarded.worker.log()
    verify(guarded)
    old.start()  # it comes back as a replica of the other
    wait_until(lambda: redis.linked(old), "the old primary did not become a replica", 120)
    serves(client)
    verify(guarded)


def test_failover_on_demand_under_load(guarded):
    """There and back again."""
    client, redis = open_shop(guarded.client), guarded.redis
    with Load(client) as load:
        for _ in range(2):
            old = redis.primary
            wait_until(redis.promote_replica, "no sentinel took the replica for one to promote")
            redis.wait_for_failover(old)
            serves(client)
            wait_until(lambda: redis.linked(old), "the old primary did not become a replica", 120)
            serves(client)
    assert len(load.answered()) > 100
    verify(guarded)


def test_a_replica_that_lags(guarded):
    """It stands still and is cut off while certificates are issued; then it is the primary: the view is lost, and folded."""
    client, redis = open_shop(guarded.client), guarded.redis
    serves(client)
    old, replica = redis.primary, redis.replica
    replica.pause()
    # what had been sent to it would still be in its socket when it wakes
    assert old.command("CLIENT", "KILL", "TYPE", "replica") == b":1"
    first = client.wait_for_all([issue(client) for _ in range(50)], timeout=60)
    old.kill()
    replica.resume()
    assert redis.wait_for_failover(old) is replica
    more = client.wait_for_all([issue(client) for _ in range(50)], timeout=120)
    log = guarded.worker.log()
    assert " view_lost " in log and " view_whole " in log, log
    for answer in first:  # what the replica never had, it has again
        read = client.ask("cert/read", {"serial": answer.data["serial"]}).data
        assert read["certificate"] == answer.data["certificate"]
    assert len({a.data["serial"] for a in first + more}) == 100
    verify(guarded)


def test_sentinels_come_late(make_cluster):
    """A worker that starts before them waits, and says for what."""
    cluster = make_cluster(redis=GuardedRedis, workers=0)
    for sentinel in cluster.redis.sentinels:
        sentinel.stop()
    done = cluster.worker_command("check-config")
    assert done.returncode == 1 and "redis.sentinels: none of 3 answers" in done.stderr, done.stderr
    worker = cluster.add_worker()
    wait_until(lambda: " waiting " in worker.log(), "the worker did not say that it waits")
    assert "redis.sentinels: none of 3 answers" in worker.log() and worker.alive()
    cluster.redis.sentinels[2].start()  # one is enough
    serves(open_shop(cluster.client))
    verify(cluster)


def test_settings_are_named(make_cluster):
    cluster = make_cluster(redis=GuardedRedis, workers=0)
    sentinels = cluster.redis.worker_settings["sentinels"]
    for settings, wanted in [
        ({"sentinel_master": "nobody"}, "redis.sentinel_master: no sentinel knows a primary named"),
        ({"sentinel_master": ""}, "redis.sentinels and redis.sentinel_master"),
        ({"address": cluster.redis.primary.address}, "redis.address and redis.sentinels"),
        ({"sentinels": sentinels + ",nowhere"}, "is not host:port"),
    ]:
        cluster.settings = {"redis": settings}
        cluster.write_config()
        for command in ("check-config", "run"):
            done = cluster.worker_command(command)
            assert done.returncode == 1 and wanted in done.stderr, done.stderr


def test_a_primary_without_a_floor_of_replicas(make_cluster):
    """It is worth a warning; nothing is broken by it."""
    cluster = make_cluster(redis=GuardedRedis, workers=0)
    done = cluster.worker_command("check-config")
    assert done.returncode == 0 and "warning: " in done.stderr and "min-replicas-to-write" in done.stderr, done.stderr
    assert cluster.redis.command("CONFIG", "SET", "min-replicas-to-write", "1") == b"+OK"
    done = cluster.worker_command("check-config")
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_a_server_that_is_no_primary(make_cluster):
    """Without sentinels, an address that is a replica's."""
    cluster = make_cluster(redis=GuardedRedis, workers=0)
    replica = cluster.redis.replica
    cluster.settings = {"redis": {"address": replica.address, "sentinels": "", "sentinel_master": ""}}
    cluster.write_config()
    done = cluster.worker_command("check-config")
    assert done.returncode == 1 and f"{replica.address} is a replica" in done.stderr, done.stderr


def test_a_primary_that_was_cut_off(make_cluster):
    """
    Two primaries, of one history up to the cut, and a partition that goes from one side to the other and back. Here it was
    worked at and not committed, there committed: both count the same step. What was committed is what the id gets again.
    """
    cluster = make_cluster(workers=0)
    near = cluster.add_worker()
    client = open_shop(cluster.client)
    serves(client)
    with Redis(cluster.folder / "other", settings={"replicaof": f"127.0.0.1 {cluster.redis.port}"}) as other:
        wait_until(lambda: GuardedRedis.linked(other), "the replica was not linked")
        near.kill()
        assert other.command("REPLICAOF", "NO", "ONE") == b"+OK"
        request = client.request("issue", {"common_name": "a.example.com"}, role="web")
        client.send(request)
        near.more_environment = {"CERTMILL_FAILPOINT": "after_script=kill@1"}
        near.start()
        assert near.wait(60), "the worker was not killed with its claims in Redis"
        far = cluster.add_worker({"CERTMILL_REDIS_ADDRESS": other.address})
        first = client.wait_for(request["id"], timeout=60)
        far.finish()
        near.more_environment = {}
        near.start()
        client.send(request)
        again = client.wait_for(request["id"], timeout=60, count=2)
    assert again.replayed and again.data["certificate"] == first.data["certificate"]
    assert "has not seen the committed step" in near.log(), near.log()
    verify(cluster)
