"""Faults of brokers. One broker at a time is away; all are only where all come back with their disks."""

import time


def back(c, broker):
    """It serves again, and has caught up, before another may go."""
    if not broker.alive():
        c.fleet.kafka.launch(broker)
    c.whole()


def kill(c):
    broker = c.chance.choice(c.fleet.kafka.all)
    c.note(f"broker {broker.number}")
    broker.kill()
    yield
    back(c, broker)


def kill_all(c):
    c.fleet.kafka.kill()
    yield
    c.fleet.kafka.start()
    c.whole()


def stop(c):
    broker = c.chance.choice(c.fleet.kafka.all)
    c.note(f"broker {broker.number}")
    broker.pause()
    yield
    broker.resume()
    c.whole()


def disk_full(c):
    """The broker whose data stands on a disk of its own; one that can write nowhere ends by itself."""
    broker = c.fleet.kafka.all[-1]
    disk = c.fleet.disks[f"broker{broker.number}"]
    disk.fill()
    yield
    disk.free()
    # it may be about to end: nothing is certain before a write
    time.sleep(3)
    back(c, broker)


def move_leaders(c):
    c.fleet.kafka.move_leaders(c.chance)
    yield
    c.whole()


def move_coordinators(c):
    c.fleet.kafka.move_leaders(c.chance, only_coordinators=True)
    yield
    c.whole()
