"""Faults of Redis: what it loses, certmill folds from the topics."""


def kill(c):
    """What it had appended to its file is there again."""
    c.redis.primary.kill()
    yield
    c.redis.launch(c.redis.primary)


def stop(c):
    c.redis.primary.pause()
    yield
    c.redis.primary.resume()


def flush(c):
    c.redis.primary.command("FLUSHALL")
    yield


def restart_empty(c):
    c.redis.primary.kill()
    c.redis.primary.wipe()
    yield
    c.redis.launch(c.redis.primary)


def fail_over(c):
    c.redis.primary.kill()
    c.redis.fail_over()
    yield
    c.redis.launch(c.redis.replica)
    c.redis.await_replica()


def fail_over_lagging(c):
    """The replica hears nothing for a while, and then is the primary."""
    c.redis.replica.follow(None)
    yield
    c.redis.primary.kill()
    c.redis.fail_over()
    c.redis.launch(c.redis.replica)
    c.redis.await_replica()


def restore(c):
    """As it was some minutes ago."""
    if not c.redis.snapshots:
        c.redis.snapshot()
    age, path = c.chance.choice(list(c.redis.snapshots))
    c.redis.primary.kill()
    yield
    c.redis.restore(path)


def out_of_memory(c):
    c.redis.primary.command("CONFIG", "SET", "maxmemory", "1")
    yield
    c.redis.primary.command("CONFIG", "SET", "maxmemory", "0")


def disk_full(c):
    """It refuses writes while it cannot append them."""
    disk = c.fleet.disks[c.redis.primary.folder.name]
    disk.fill()
    yield
    disk.free()
