#!/bin/sh
[ -r /home/ds/cm/package/config/drc-cm.properties ] || { echo "drc-cm.properties is missing" >&2; exit 1; }
exec python /home/ds/cm/package/deployapp/oms_drc_cm.py
