#!/bin/sh
# redis-ha.sh SELF [PRIMARY]: one of two Redis, at first the replica of the primary that is named. From then on the sentinels
# say who follows whom, and write it into the configuration, which is kept.
set -eu
self=$1 primary=${2:-} configuration=/data/redis.conf

if [ ! -e "$configuration" ]; then
	{
		printf '%s\n' "include /etc/redis.conf" "protected-mode no" "replica-announce-ip $self"
		[ -z "$primary" ] || echo "replicaof $primary 6379"
	} >"$configuration"
fi
exec docker-entrypoint.sh redis-server "$configuration"
