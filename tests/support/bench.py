"""certmill bench on a Kafka, a Redis and a worker of its own: bench.py ARGUMENT..., which go to certmill bench.

The worker takes its settings from the environment too: CERTMILL_LANES_MINT=2 bench.py --count 100000.
"""

import os
import subprocess
import sys
import tempfile

from cluster import PROGRAMS, Cluster
from engines import Kafka


def bench(cluster, *arguments, **options):
    """certmill bench against the cluster's first worker; options go to subprocess.run."""
    words = [PROGRAMS / "certmill", "bench", "--worker-pid", str(cluster.worker.pid), *arguments]
    return subprocess.run(words, env={**os.environ, **cluster.client_environment()}, check=False, **options)


def main(arguments):
    with tempfile.TemporaryDirectory(prefix="certmill-bench-") as folder, Kafka(f"{folder}/kafka") as kafka:
        cluster = Cluster(kafka, folder)
        try:
            cluster.start()
            status = bench(cluster, *arguments).returncode
            if status != 0:
                print(cluster.logs(), file=sys.stderr)
            return status
        finally:
            cluster.abandon()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
