#!/bin/sh
# full_output.sh COMMAND…: run with its standard output on a full disk.
exec "$@" >/dev/full
