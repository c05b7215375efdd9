#!/usr/bin/env bash
# Train on several processes: tools/dist_train.sh CONFIG N [train.py's flags]
# One process a GPU (NCCL); without a GPU, N processes of the CPU (Gloo).
# Several machines: NNODES, NODE_RANK, MASTER_ADDR, PORT as for MMPose.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG N [train.py's flags]" >&2
    exit 2
fi
source "$(dirname "$0")/_dist.sh"
launch "$2" train.py "$1" "${@:3}"
