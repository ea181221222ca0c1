#!/bin/sh
# redis-ha.sh SELF OTHER: one of two Redis. At first the second by its name follows the other; from then on the sentinels say
# who follows whom, and write it into the configuration, which is kept.
set -eu
self=$1 other=$2 configuration=/data/redis.conf

if [ ! -e "$configuration" ]; then
	{
		printf '%s\n' "include /etc/redis.conf" "protected-mode no" "replica-announce-ip $self"
		[ "$self" \< "$other" ] || echo "replicaof $other 6379"
	} >"$configuration"
fi
exec docker-entrypoint.sh redis-server "$configuration"
