#!/bin/sh
exec nginx -c /home/ds/ghana/config/tengine.conf -g 'daemon off;'
