#!/bin/sh
# Makes the key-encryption key, once.
set -eu
umask 077
kek=/var/lib/certmill/keys/kek

if [ -e "$kek" ]; then
	echo "the key-encryption key stands"
	exit
fi
od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$kek.new"
mv "$kek.new" "$kek"
echo "made the key-encryption key: keep a copy of it, apart from the topics"
