"""Three real brokers on loopback, each also a controller; the workers reach them through proxies, everybody else directly."""

import time

from confluent_kafka import ElectionType, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from engines import Kafka, free_port, new_cluster_id
from proxy import Proxy

COUNT = 3
MOVED_S = 120
INTERNAL = ("__consumer_offsets", "__transaction_state")  # their leaders are the coordinators

REPLICATED = {
    "process.roles": "broker,controller",
    "inter.broker.listener.name": "PLAINTEXT",
    "default.replication.factor": 3,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3,
    "transaction.state.log.min.isr": 2,
    "broker.session.timeout.ms": 6000,
    "group.min.session.timeout.ms": 3000,
    "auto.leader.rebalance.enable": "false",
    "replica.lag.time.max.ms": 10000,
    "log.segment.bytes": 64 << 20,
}


class Broker(Kafka):
    start_timeout = 180

    def __init__(self, folder, number, ports, cluster_id):
        super().__init__(folder, ports[number]["PLAINTEXT"], cluster_id=cluster_id)
        self.number = number
        self.ports = ports
        self.held = True  # is not to be started when it has ended
        self.settings = REPLICATED

    def configure(self):
        own = self.ports[self.number]
        proxied = {name: port for name, port in own.items() if isinstance(port, tuple)}
        listeners = {"PLAINTEXT": self.port, "CONTROLLER": own["CONTROLLER"], **{n: port for n, (port, _) in proxied.items()}}
        advertised = {"PLAINTEXT": self.port, **{n: proxy for n, (_, proxy) in proxied.items()}}

        def text(of):
            return ",".join(f"{name}://127.0.0.1:{port}" for name, port in of.items())

        self.settings = {
            **REPLICATED,
            "node.id": self.number,
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{p['CONTROLLER']}" for n, p in self.ports.items()),
            "listeners": text(listeners),
            "advertised.listeners": text(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
        }
        super().configure()


class Brokers:
    """Has what a Cluster asks of its Kafka. Each name in `listeners` is a group of proxies of its own, one a broker."""

    def __init__(self, folder, loop=None, spawn=lambda call: call(), listeners=()):
        cluster_id = new_cluster_id()
        numbers = range(1, COUNT + 1)
        ports = {
            n: {
                "PLAINTEXT": free_port(),
                "CONTROLLER": free_port(),
                **{name: (free_port(), free_port()) for name in listeners},
            }
            for n in numbers
        }
        self.proxies = {name: [Proxy(loop, ports[n][name][1], ports[n][name][0]) for n in numbers] for name in listeners}
        self.all = [Broker(folder / f"broker{n}", n, ports, cluster_id) for n in numbers]
        self.address = ",".join(broker.address for broker in self.all)
        self.spawn = spawn
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 2})

    def links_to(self, broker):
        """What leads to it from everybody who has proxies."""
        return [proxies[broker.number - 1] for proxies in self.proxies.values()]

    def address_of(self, listener):
        return ",".join(proxy.address for proxy in self.proxies[listener])

    def start(self, brokers=None):
        """All of them at once: they wait for each other."""
        for broker in brokers or self.all:
            if not broker.alive():
                self.spawn(broker.launch)
            broker.held = False
        for broker in brokers or self.all:
            broker.await_answers()

    def keep(self):
        """One that has ended by itself is started again."""
        for broker in self.all:
            if not broker.held and not broker.alive():
                self.spawn(broker.launch)

    def alive(self):
        return all(broker.alive() for broker in self.all)

    def kill(self, brokers=None):
        for broker in brokers or self.all:
            broker.held = True
            broker.kill()

    # ---- what the cluster says of itself ----

    def topics(self):
        return self.admin.list_topics(timeout=20).topics

    def leader(self, topic, partition=0):
        return self.all[self.topics()[topic].partitions[partition].leader - 1]

    def whole(self):
        """Is every replica of every partition in sync?"""
        try:
            topics = self.topics().values()
        except KafkaException:
            return False
        return all(len(p.isrs) == len(p.replicas) for topic in topics for p in topic.partitions.values())

    def move_leaders(self, chance, only_coordinators=False):
        """Asked again while brokers are too busy to answer."""
        deadline = time.monotonic() + MOVED_S
        while True:
            try:
                self.try_to_move_leaders(chance, only_coordinators)
                return
            except (KafkaException, KafkaError, TimeoutError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def try_to_move_leaders(self, chance, only_coordinators):
        """The order of the replicas is shuffled, and the first of each is made the leader."""
        partitions = [
            (name, p.id, list(p.replicas))
            for name, topic in self.topics().items()
            for p in topic.partitions.values()
            if name in INTERNAL or not only_coordinators
        ]
        partitions.sort()
        orders = {}
        for name, number, replicas in partitions:
            replicas.sort()
            chance.shuffle(replicas)
            orders[KafkaPartition(name, number)] = replicas
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            admin.alter_partition_reassignments(orders)
        finally:
            admin.close()
        moved = [TopicPartition(name, number) for name, number, _ in partitions]
        self.admin.elect_leaders(ElectionType.PREFERRED, moved).result(30)
