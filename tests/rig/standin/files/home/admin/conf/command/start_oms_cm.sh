#!/bin/sh
exec python /home/ds/cm/package/deployapp/oms_drc_cm.py
