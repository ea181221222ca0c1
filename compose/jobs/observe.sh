#!/bin/sh
# Makes the password of Grafana's user admin, once. Grafana runs under another user, and reads it by its group.
set -eu
umask 027
password=/var/lib/certmill/observe/grafana-password

if [ -e "$password" ]; then
	echo "Grafana's password stands"
	exit
fi
od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$password.new"
mv "$password.new" "$password"
echo "made the password of Grafana's user admin"
