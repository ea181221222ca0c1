"""The faults: what is injected, and how it is healed.

A fault is a generator: what stands before its yield injects it, what stands behind it heals it some seconds later. It holds what
it takes meanwhile, so that overlapping faults leave what is promised possible: no two brokers at once are without their disk, no
two Redis. To add a fault: its function, and its row.
"""

from dataclasses import dataclass

import faults_brokers as brokers
import faults_network as network
import faults_redis as redis
import faults_workers as workers


@dataclass(frozen=True)
class Fault:
    name: str
    weight: float
    takes: str  # "worker": one of them; "broker", "redis", "sentinel", "spare": the only one that may be; "": nothing
    seconds: tuple  # how long it lasts, between the two
    inject: object
    needs: str = ""  # "disk", "clock": what the machine must have


FAULTS = (
    Fault("worker-kill", 16, "worker", (0, 3), workers.kill),
    Fault("worker-stop-short", 2, "worker", (1, 4), workers.stop),
    Fault("worker-stop-long", 2, "worker", (8, 20), workers.stop),
    Fault("worker-failpoint", 5, "worker", (5, 10), workers.die_at_an_arrow),
    Fault("worker-frozen-at-arrow", 3, "worker", (12, 22), workers.freeze_at_an_arrow),
    Fault("worker-clock", 2, "worker", (10, 30), workers.other_clock, "clock"),
    Fault("worker-same-slot", 2, "worker", (5, 12), workers.same_slot),
    Fault("worker-leaves", 2, "worker", (3, 10), workers.leave),
    Fault("worker-joins", 2, "spare", (8, 20), workers.join),
    Fault("workers-kill-all", 1, "workers", (0, 3), workers.kill_all),
    Fault("poison-pill", 0.7, "", (0, 0), workers.poison),
    Fault("broker-kill", 3, "broker", (0, 8), brokers.kill),
    Fault("broker-stop-short", 1, "broker", (1, 5), brokers.stop),
    Fault("broker-stop-long", 1, "broker", (12, 25), brokers.stop),
    Fault("brokers-kill-all", 0.5, "broker", (0, 5), brokers.kill_all),
    Fault("broker-disk-full", 0.7, "broker", (3, 12), brokers.disk_full, "disk"),
    Fault("leaders-move", 2, "broker", (0, 0), brokers.move_leaders),
    Fault("coordinators-move", 2, "broker", (0, 0), brokers.move_coordinators),
    Fault("redis-kill", 2, "redis", (0, 6), redis.kill),
    Fault("redis-stop-short", 1, "redis", (1, 4), redis.stop),
    Fault("redis-stop-long", 1, "redis", (7, 15), redis.stop),
    Fault("redis-flushed", 1.5, "redis", (0, 0), redis.flush),
    Fault("redis-empty", 1, "redis", (0, 5), redis.restart_empty),
    Fault("redis-failover", 1, "redis", (0, 5), redis.fail_over),
    Fault("redis-failover-asked", 1, "redis", (0, 5), redis.hand_over),
    Fault("redis-failover-lagging", 2, "redis", (1, 6), redis.fail_over_lagging),
    Fault("redis-restored", 1.5, "redis", (0, 3), redis.restore),
    Fault("sentinel-kill", 1, "sentinel", (1, 15), redis.kill_sentinel),
    Fault("redis-out-of-memory", 1, "redis", (3, 10), redis.out_of_memory),
    Fault("redis-disk-full", 1, "redis", (3, 10), redis.disk_full, "disk"),
    Fault("connections-cut", 3, "", (0, 0), network.cut),
    Fault("connections-delayed", 2, "", (5, 20), network.delay),
    Fault("broker-unreachable", 2, "", (3, 20), network.lose_broker),
    Fault("redis-unreachable", 2, "", (2, 12), network.lose_redis),
    Fault("worker-isolated", 2, "", (3, 25), network.isolate),
)

NAMES = [fault.name for fault in FAULTS]
