"""Faults of Redis: what it loses, certmill folds from the topics. Each begins with a primary that has its replica."""

import contextlib

from engines import wait_until

ASKED, PROMOTED_S = 3, 60  # so often, and for so long


def kill(c):
    """What it had appended to its file is there again, or else its replica was made the primary."""
    primary = c.redis.settle()
    primary.kill()
    yield
    c.redis.launch(primary)


def stop(c):
    """One that awakes may find that there is another primary by now."""
    primary = c.redis.settle()
    primary.pause()
    yield
    primary.resume()


def flush(c):
    c.redis.settle().command("FLUSHALL")
    yield


def lose(c, path):
    """Both die, so that nobody can be promoted, and the primary comes back with what stands there."""
    primary, replica = c.redis.settle(), c.redis.replica
    replica.kill()
    primary.kill()
    yield
    c.redis.launch_with(primary, path)
    c.redis.launch(replica)


def restart_empty(c):
    yield from lose(c, None)


def restore(c):
    """As it was some minutes ago."""
    if not c.redis.snapshots:
        c.redis.settle()
        wait_until(lambda: c.redis.snapshot() or c.redis.snapshots, "Redis saved nothing")
    _, path = c.chance.choice(list(c.redis.snapshots))
    yield from lose(c, path)


def fail_over(c):
    primary = c.redis.settle()
    primary.kill()
    c.redis.wait_for_failover(primary)
    yield
    c.redis.launch(primary)


def hand_over(c):
    """Somebody asks for it while all is well, and again if the sentinel gives it up."""
    primary = c.redis.settle()
    for _ in range(ASKED):
        wait_until(lambda: c.redis.failed_over(primary) or c.redis.promote_replica(), "no sentinel promotes the replica", PROMOTED_S)
        with contextlib.suppress(AssertionError):
            c.redis.wait_for_failover(primary, PROMOTED_S)
            break
    c.redis.wait_for_failover(primary)
    yield


def fail_over_lagging(c):
    """The replica hears nothing for a while, and then is the primary."""
    primary, replica = c.redis.settle(), c.redis.replica
    replica.pause()
    primary.command("CLIENT", "KILL", "TYPE", "replica")
    yield
    primary.kill()
    replica.resume()
    c.redis.wait_for_failover(primary)
    c.redis.launch(primary)


def kill_sentinel(c):
    sentinel = c.chance.choice(c.redis.sentinels)
    sentinel.kill()
    yield
    c.redis.launch(sentinel)


def out_of_memory(c):
    primary = c.redis.settle()
    primary.command("CONFIG", "SET", "maxmemory", "1")
    yield
    primary.command("CONFIG", "SET", "maxmemory", "0")


def disk_full(c):
    """It refuses writes while it cannot append them."""
    disk = c.fleet.disks[c.redis.settle().folder]
    disk.fill()
    yield
    disk.free()
