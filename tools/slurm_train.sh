#!/usr/bin/env bash
# Train on a Slurm cluster:
#   GPUS=16 tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [flags]
# GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS as for MMPose.
set -euo pipefail
if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR [train.py's flags]" >&2
    exit 2
fi
source "$(dirname "$0")/_dist.sh"
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
# SRUN_ARGS is a list of words.
# shellcheck disable=SC2086
srun --partition="$1" --job-name="$2" --gres=gpu:"$per_node" \
    --ntasks="$gpus" --ntasks-per-node="$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    "$(find_python)" -u "$tools/train.py" "$3" --work-dir "$4" \
    --launcher slurm "${@:5}"
