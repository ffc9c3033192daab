#!/bin/sh
exec python /home/ds/ghana/boot/oms_console.py
