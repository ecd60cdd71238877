#!/usr/bin/env bash
# The model on this machine dies: first its engine, which it repairs, then the whole service.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

local_llm
router <<POLICY
targets:
  local-llama: {provider: failsoft, endpoint: "$LOCAL_LLM", model: smollm2-135m-instruct, kind: gpu}
routes:
  chat: {default: true, hops: [local-llama, mock]}
tenants:
  default: {allow_mock: true}
POLICY

loaded() { show_until "local-llama .* ok " "its model is loaded" operator targets --check; }

act "A real model answers"
loaded
ask_until "^served by local-llama" "in its own words" --max-tokens 12 "What is the capital of Italy?"

act "Its engine is killed"
kill -KILL "$(pgrep -P "$(pid local-llm)")"
ask --max-tokens 12 "What is the capital of Spain?"
expect "local-llama .*mock served" "the walk goes on without it"
loaded
ask_until "^served by local-llama" "it was started again by itself" --max-tokens 12 "What is the capital of Spain?"

act "The whole service is killed"
stop local-llm KILL
ask "What is the capital of Egypt?"
expect "local-llama failed \(transient\) → mock served" "the walk goes on without it"
