#!/bin/sh
# What the web server of the demo needs: its own certificate, one for its client, the CA, and the CRLs of now.
set -eu
cd /var/lib/certmill/web
mkdir -p tmp

# key, certificate and CA in one file
bundle() {
	[ -e "$1.pem" ] || certmill write -field=certificate pki/issue/web common_name="$1.example.com" format=pem_bundle ttl=720h >"$1.new"
	[ -e "$1.pem" ] || mv "$1.new" "$1.pem"
}

until certmill read pki/ca/pem >ca.new 2>/dev/null && certmill read pki/roles/web >/dev/null 2>&1; do sleep 1; done
mv ca.new ca.pem
bundle gate
bundle client
ln -sf gate.pem server.pem
ln -sf gate.pem server.key
sed 's/listen 127.0.0.1:/listen /' /examples/nginx.conf >nginx.conf
certmill follow crl -dir crls -ca ca.pem -once
