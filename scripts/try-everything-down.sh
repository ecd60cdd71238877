#!/usr/bin/env bash
# Nobody is left: an old answer, then a mock where the tenant allows one, then the truth.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

policy() { # ALLOW-MOCK
  cat <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true, attempts: 1}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true, attempts: 1}
routes:
  chat: {default: true, hops: [cloud, other, cache, mock], cache: {fresh_for: 1s, stale_if_error: 1h}}
tenants:
  default: {allow_mock: $1}
POLICY
}

look_alike cloud
look_alike other
cache
router < <(policy true)

act "All is well"
ask "What is the capital of France?"
expect "^served by cloud" "the answer is kept"

act "Both providers are down"
fail cloud refuse
fail other status=503
ask "What is the capital of France?"
expect "^served by cache .* old · STALE_CACHE" "an old answer, with its age"
ask "What is the capital of Spain?"
expect "^served by mock · MOCK" "to a new question a mock, which says that it is one"

act "The same for a tenant that allows no mock"
stop router
router < <(policy false)
ask "What is the capital of Portugal?"
expect "^ROUTE_EXHAUSTED: .*; try again in" "the truth, and when it is worth another try"
expect "mock +skipped +tenant policy" "every hop with its reason"
