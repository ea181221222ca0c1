#!/bin/sh
# sentinel-ha.sh SELF: a sentinel. What it learns it writes into its configuration, which is kept.
set -eu
self=$1 configuration=/data/sentinel.conf

if [ ! -e "$configuration" ]; then
	cat >"$configuration" <<SENTINEL
port 26379
protected-mode no
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $self
sentinel monitor certmill redis-ha-1 6379 2
sentinel down-after-milliseconds certmill 3000
sentinel failover-timeout certmill 10000
sentinel parallel-syncs certmill 1
SENTINEL
fi
exec docker-entrypoint.sh redis-server "$configuration" --sentinel
