"""Faults of what is between workers and engines. links: of one worker, to each broker, then to Redis."""


def links_of(c):
    return c.chance.choice(c.fleet.workers).links


def cut(c):
    """Some or all connections of one worker."""
    links = links_of(c)
    for link in c.chance.sample(links, c.chance.randint(1, len(links))):
        link.cut()
    yield


def delay(c):
    links = c.chance.sample(links_of(c), 2)
    for link in links:
        link.delay(c.chance.uniform(0.02, 0.4))
    yield
    for link in links:
        link.restore()


def swallow(links):
    for link in links:
        link.swallow()
    yield
    for link in links:
        link.restore()


def lose_broker(c):
    *brokers, _ = links_of(c)
    yield from swallow([c.chance.choice(brokers)])


def lose_redis(c):
    *_, redis = links_of(c)
    yield from swallow([redis])


def isolate(c):
    """One worker from everything."""
    yield from swallow(links_of(c))
