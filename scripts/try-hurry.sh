#!/usr/bin/env bash
# A caller in a hurry: too short a deadline, or Ctrl-C. The provider is told, and nothing is held against it.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

look_alike cloud --first-delay 3 --chunk-delay 0.2 --chunks 100
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true,
          breaker: {consecutive_failures: 1}}
routes:
  chat: {default: true, hops: [cloud, mock]}
  plain: {hops: [cloud]}
tenants:
  default: {allow_mock: true}
POLICY

act "A deadline that is too short for the provider"
ask --timeout 1 "Quick, what is the capital of France?"
expect "cloud probing → mock served" "there was time left for the next hop"
ask --model plain --timeout 1 "And of Spain?"
expect "^no answer within the time limit" "without another hop the caller is told in time"

act "A caller who leaves in the midst of an answer"
start reader "" "$BIN/failsoft" chat --address "$ROUTER" --model plain "Tell me all about France."
show_until "France" "its answer has begun" awk 1 "$STAGE/reader.log"
stop reader
show_until '"cancelled":3,"in_flight":0' "the provider is told, and stops" \
  curl -sS -w '\n' "http://$CLOUD_CONTROL/control/meter"

act "What it costs the provider"
operator targets
expect "cloud .* closed" "nothing: one failure would have opened its breaker"
