#!/bin/sh
# Captures every node with a label, one after the other, and checks each against rules.
#
#   gate.sh LABEL RULES DIRECTORY [capture flags]
#
# Leaves snapshot, JUnit XML and metrics of each node in the directory. Ends with 0 only where
# every node passed, else with the exit code of the last one that did not.
set -u
label=$1 rules=$2 directory=$3
shift 3

nodes=$(kubectl get nodes -l "$label" -o name) || exit
if [ -z "$nodes" ]; then
    # Who has looked at nothing has not passed.
    echo "error: no node has the label $label" >&2
    exit 3
fi
mkdir -p "$directory"
code=0
for name in $nodes; do
    node=${name#node/}
    file=$directory/$node
    # What an earlier run left must not pass for this one's.
    rm -f "$file.yaml" "$file.xml"
    echo "== $node"
    kubectl snapshot --node "$node" --quiet -o "$file.yaml" --metrics-file "$file.prom" "$@" &&
        kubectl snapshot check "$file.yaml" -f "$rules" --strict -o text -o "$file.xml"
    ended=$?
    [ "$ended" = 0 ] || code=$ended
done
exit "$code"
