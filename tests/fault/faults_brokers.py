"""Faults of brokers. One broker at a time is away; all are only where all come back with their disks."""

import time

AWAKE_S = 3  # by then one that stood still has heard that it leads no more
NOTICED_S = 8  # by then a broker that stood still, or whose disk was full, has been missed or has ended

def kill(c):
    broker = c.chance.choice(c.fleet.kafka.all)
    c.note(f"broker {broker.number}")
    c.fleet.kafka.kill([broker])
    yield
    c.fleet.kafka.start([broker])
    c.whole()


def kill_all(c):
    c.fleet.kafka.kill()
    yield
    c.fleet.kafka.start()
    c.whole()


def stop(c):
    """
    Another may lead when it goes on. What workers asked it meanwhile is not answered, as it would say what was true before
    (docs/reliability.md, "What is not promised").
    """
    broker = c.chance.choice(c.fleet.kafka.all)
    c.note(f"broker {broker.number}")
    links = c.fleet.kafka.links_to(broker)
    broker.pause()
    yield
    for link in links:
        link.swallow()
        link.cut()
    c.fleet.loop.settle()
    broker.resume()
    time.sleep(AWAKE_S)
    for link in links:
        link.release()
    time.sleep(NOTICED_S)
    c.whole()


def disk_full(c):
    """The broker whose data stands on a disk of its own; one that can write nowhere ends by itself, now or a little later."""
    broker = c.fleet.kafka.all[-1]
    disk = c.fleet.disks[broker.folder]
    broker.held = True
    disk.fill()
    yield
    disk.free()
    broker.held = False
    time.sleep(NOTICED_S)
    c.fleet.kafka.start([broker])
    c.whole()


def move_leaders(c):
    c.fleet.kafka.move_leaders(c.chance)
    yield
    c.whole()


def move_coordinators(c):
    c.fleet.kafka.move_leaders(c.chance, only_coordinators=True)
    yield
    c.whole()
