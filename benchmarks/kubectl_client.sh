#!/bin/sh
# The same pod as the bare client's, by kubectl alone: kubectl_client.sh KUBECTL NAMESPACE OBJECTS.json JOB
set -eu
"$1" -n "$2" create -f "$3" >/dev/null
"$1" -n "$2" wait --for=condition=complete --timeout=60s "job/$4" >/dev/null
"$1" -n "$2" logs "job/$4" >/dev/null
"$1" -n "$2" delete --wait=false -f "$3" >/dev/null
