# What dist_train.sh and dist_test.sh share; sourced, not run.

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
    elif [ -x "$tools/../.venv/bin/python" ]; then
        echo "$tools/../.venv/bin/python"
    else
        echo python
    fi
}

# launch N SCRIPT CONFIG [arguments]: N processes of tools/SCRIPT here.
launch() {
    local processes=$1 script=$2
    if [ ! -f "$3" ]; then # torchrun would bury the processes' own message
        echo "$script: error: no config file $3" >&2
        exit 1
    fi
    local rendezvous=(--standalone) # picks a free port
    if [ "${NNODES:-1}" != 1 ] || [ -n "${PORT:-}" ]; then
        rendezvous=(
            --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
            --master_addr="${MASTER_ADDR:-127.0.0.1}"
            --master_port="${PORT:-29500}"
        )
    fi
    "$(find_python)" -m torch.distributed.run "${rendezvous[@]}" \
        --nproc_per_node="$processes" \
        "$tools/$script" "${@:3}" --launcher pytorch
}
