#!/bin/sh
# Makes a first CA, so that the first certificate can be asked for; leaves alone what stands.
set -eu

certmill list pki/roles >/dev/null 2>&1 || certmill mount -max-lease-ttl=87600h pki
certmill read pki/ca/pem >/dev/null 2>&1 \
	|| certmill write -field=certificate pki/config/ca/generate/root/internal common_name="certmill's first CA" key_type=ec ttl=87600h
certmill read pki/roles/web >/dev/null 2>&1 \
	|| certmill write pki/roles/web allowed_base_domain=example.com allow_subdomains=true key_type=ec max_ttl=720h
echo "certmill write pki/issue/web common_name=www.example.com"
