#!/bin/sh
# Asks for a certificate now and then.
set -eu
while sleep 5; do
	certmill write -format=json pki/issue/web common_name="demo-$(date +%s).example.com" ttl=1h | head -c 200
	echo
done
