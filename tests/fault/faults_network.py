"""Faults of what is between workers and engines: each worker has links of its own to brokers, Redis' servers and sentinels."""


def any_worker(c):
    return c.chance.choice(c.fleet.workers)


def cut(c):
    """Some or all connections of one worker."""
    links = any_worker(c).links
    for link in c.chance.sample(links, c.chance.randint(1, len(links))):
        link.cut()
    yield


def delay(c):
    links = any_worker(c).links
    links = c.chance.sample(links, len(links) // 2)
    for link in links:
        link.delay(c.chance.uniform(0.02, 0.4))
    yield
    for link in links:
        link.delay(0)


def swallow(links):
    for link in links:
        link.swallow()
    yield
    for link in links:
        link.release()


def lose_broker(c):
    yield from swallow([c.chance.choice(any_worker(c).broker_links)])


def lose_redis(c):
    yield from swallow(any_worker(c).redis_links)


def isolate(c):
    """One worker from everything."""
    yield from swallow(any_worker(c).links)
