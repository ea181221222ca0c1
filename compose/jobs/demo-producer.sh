#!/bin/sh
# Asks for a certificate now and then.
set -eu
while sleep 5; do
	name=demo-$(date +%s).example.com
	serial=$(certmill write -field=serial_number pki/issue/web common_name="$name" ttl=1h) && echo "$name has $serial"
done
