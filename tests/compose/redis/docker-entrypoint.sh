#!/bin/sh
# As the real image: a server that root starts becomes redis', and so does its folder.
set -e
case $1 in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$(id -u)" = 0 ]; then
	case $1 in
	redis-server | redis-sentinel)
		find . ! -user redis -exec chown redis '{}' +
		exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
		;;
	esac
fi
umask 077
exec "$@"
