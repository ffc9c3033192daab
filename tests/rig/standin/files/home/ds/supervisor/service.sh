#!/bin/sh
# supervisord runs `service.sh start foreground`; nothing else is needed here.
[ "$1 $2" = "start foreground" ] || { echo "usage: $0 start foreground" >&2; exit 2; }
[ -r /home/ds/supervisor/config/supervisor.json ] || { echo "supervisor.json is missing" >&2; exit 1; }
exec python /home/ds/supervisor/oms_drc_supervisor.py
