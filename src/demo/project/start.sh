#!/bin/sh
# Starts the reading service.
set -eu
cd "$(dirname "$0")"
export TOKENIZERS_PARALLELISM=false
exec python3 serve.py --dict configs/G2P_replace_dict.jsonl --speakers configs/spk_prompt.yaml --port "${PORT:-8088}"
