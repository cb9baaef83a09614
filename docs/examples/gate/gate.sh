#!/bin/sh
# Captures every node with a label, one after the other, and checks each against a rule file.
#
#   gate.sh LABEL RULES DIRECTORY [capture flags]
#
# Writes snapshot, JUnit XML and metrics of each node to the directory. Exits with 0 only if every
# node passed, else with the worst exit code: 1 (a rule failed), then no result, then 10 (unknown).
set -u
label=$1 rules=$2 directory=$3
shift 3

nodes=$(kubectl get nodes -l "$label" -o name) || exit
if [ -z "$nodes" ]; then
    # No node means no result, not success.
    echo "error: no node has the label $label" >&2
    exit 3
fi
mkdir -p "$directory"

rank() {
    case $1 in
        0) echo 0 ;;
        10) echo 1 ;;
        5 | 6 | 7) echo 2 ;; # retryable
        1) echo 4 ;;
        *) echo 3 ;;
    esac
}

code=0
for name in $nodes; do
    node=${name#node/}
    file=$directory/$node
    # Do not mistake the files of an earlier run for new ones.
    rm -f "$file.yaml" "$file.xml"
    echo "== $node"
    kubectl snapshot --node "$node" --quiet -o "$file.yaml" --metrics-file "$file.prom" "$@" &&
        kubectl snapshot check "$file.yaml" -f "$rules" --strict -o text -o "$file.xml"
    ended=$?
    # Interrupted: the nodes that are left would not be captured either.
    [ "$ended" -lt 128 ] || exit "$ended"
    [ "$(rank "$ended")" -le "$(rank "$code")" ] || code=$ended
done
exit "$code"
