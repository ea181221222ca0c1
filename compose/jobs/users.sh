#!/bin/bash
# Kafka's users, and what each may do. Run again it changes nothing but passwords that were changed.
set -eu
secrets=/etc/kafka/secrets
cd /tmp

cat >admin.properties <<ADMIN
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=$secrets/key-cert.pem
ssl.truststore.type=PEM
ssl.truststore.location=$secrets/ca.pem
ADMIN

user() {
	(umask 077 && printf 'SCRAM-SHA-512=iterations=8192,password=%s\n' "$(cat "$secrets/$1-password")" >"$1.properties")
	/opt/kafka/bin/kafka-configs.sh --bootstrap-server "$BROKERS" --command-config admin.properties \
		--alter --entity-type users --entity-name "$1" --add-config-file "$1.properties"
}

# allow USER ARGUMENT...: operations and what they are allowed on
allow() {
	/opt/kafka/bin/kafka-acls.sh --bootstrap-server "$BROKERS" --command-config admin.properties \
		--add --allow-principal "User:$1" "${@:2}" >/dev/null
	echo "$1 ${*:2}"
}

# together FUNCTION ARGUMENT...: in the background, as most of the time goes into starting Java; finish waits for all.
started=()
together() {
	"$@" &
	started+=($!)
}

finish() {
	local pid
	for pid in "${started[@]}"; do
		wait "$pid"
	done
	started=()
}

for name in worker issuer operator subscriber; do
	together user "$name"
done
finish

# The worker: everything of certmill's, and nothing else.
together allow worker --resource-pattern-type prefixed --operation All --topic certmill. --group certmill- --transactional-id certmill-

# Who issues may not revoke, nor configure.
together allow issuer --operation Write --operation Describe --topic certmill.issue --topic certmill.sign --topic certmill.query
together allow issuer --operation Read --operation Describe --topic certmill.responses --topic certmill.ca
together allow issuer --resource-pattern-type prefixed --operation Read --group issuer-

# Who operates asks for everything and reads everything, but writes no record.
together allow operator --operation Write --operation Describe --topic certmill.issue --topic certmill.sign --topic certmill.query \
	--topic certmill.revoke --topic certmill.config
together allow operator --resource-pattern-type prefixed --operation Read --operation Describe --topic certmill. --group operator-
together allow operator --resource-pattern-type prefixed --operation Describe --group certmill-

# Who subscribes reads what the world may know.
together allow subscriber --operation Read --operation Describe --topic certmill.crl --topic certmill.ca --topic certmill.certs \
	--topic certmill.revoked
together allow subscriber --resource-pattern-type prefixed --operation Read --group subscriber-
finish
