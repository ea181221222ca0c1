#!/bin/sh
# Makes everything that the profile secure keeps secret, once: TLS keys and certificates, passwords, the key-encryption key.
set -eu
umask 077
cd /var/lib/certmill/tls

if [ -e ca/cert.pem ]; then
	echo "the secrets stand"
	exit
fi

# 64 hexadecimal digits into each of the files
secret() {
	digits=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
	for file in "$@"; do
		printf %s "$digits" >"$file"
	done
}

secret worker/kek
secret worker/kafka-password kafka/worker-password
secret worker/redis-password redis/password
for user in issuer operator subscriber; do
	secret "clients/$user-password" "kafka/$user-password"
done
# the CA's certificate is written last: where it stands, all of it does
certmill-worker bootstrap-tls . kafka=kafka-secure,localhost,127.0.0.1 redis=redis-secure,localhost,127.0.0.1 worker clients
echo "made keys, certificates and passwords; a copy of worker/kek belongs in a safe place"
