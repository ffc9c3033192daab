#!/bin/sh
# As in OMS: without its file the console ends at once, which supervisord takes as FATAL.
[ -r /home/ds/ghana/config/application-oms.properties ] || { echo "spring.application.name must be configured" >&2; exit 1; }
exec python /home/ds/ghana/boot/oms_console.py
