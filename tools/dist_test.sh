#!/usr/bin/env bash
# Test on several processes: tools/dist_test.sh CONFIG CHECKPOINT N [flags]
# Devices and environment variables as in dist_train.sh.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT N [test.py's flags]" >&2
    exit 2
fi
source "$(dirname "$0")/_dist.sh"
launch "$3" test.py "$1" "$2" "${@:4}"
