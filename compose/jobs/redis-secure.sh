#!/bin/sh
# Redis with TLS alone, and one user that may touch certmill's keys alone. "ping": what the health check asks.
set -eu
secrets=/run/secrets own=/run/redis
tls="--tls --cacert $own/ca.pem --cert $own/cert.pem --key $own/key.pem"

if [ "${1:-}" = ping ]; then
	# shellcheck disable=SC2086  # options are words
	REDISCLI_AUTH=$(cat "$secrets/password") exec redis-cli $tls --user worker --no-auth-warning ping
fi

umask 077
for file in ca.pem cert.pem key.pem; do
	cat "$secrets/$file" >"$own/$file"
done
hash=$(printf %s "$(cat "$secrets/password")" | sha256sum | cut -d ' ' -f 1)
cat >"$own/users.acl" <<ACL
user default off
user worker on #$hash resetchannels ~cm:* +@all -@admin -@dangerous +info +config|get
ACL
chown -R redis:redis "$own"
exec docker-entrypoint.sh redis-server /etc/redis.conf --port 0 --tls-port 6379 --tls-auth-clients yes \
	--tls-ca-cert-file "$own/ca.pem" --tls-cert-file "$own/cert.pem" --tls-key-file "$own/key.pem" --aclfile "$own/users.acl"
