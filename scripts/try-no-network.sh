#!/usr/bin/env bash
# Our own way out is down: no provider can be reached, so it is none of them, and no breaker opens.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

router <<POLICY
targets:
  # Names that cannot exist (RFC 6761) fail like every name where the network is gone.
  cloud: {provider: openai, endpoint: "https://cloud.invalid/v1", model: gpt-5-mini, breaker: {consecutive_failures: 1}}
  other: {provider: openai, endpoint: "https://other.invalid/v1", model: gpt-5-nano, breaker: {consecutive_failures: 1}}
routes:
  chat: {default: true, hops: [cloud, other]}
POLICY

act "No provider can be connected to"
ask "Is anybody out there?"
expect "^ROUTE_EXHAUSTED" "the caller is told"
ask_until "own way out of the network is down" "who asks next waits for nobody, and is told why" "And now?"

act "What it costs the providers"
operator targets
expect "^cloud .* closed" "nothing: one failure would have opened its breaker"
expect "^other .* closed" "neither of them"
