#!/usr/bin/env bash
# A policy that is edited while the router runs: a wrong one is refused, and the old one stays in force.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

policy() { # HOPS OPEN-FOR
  cat <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true,
          breaker: {consecutive_failures: 1, open_for: $2, open_cap: 60s}}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true}
routes:
  chat: {default: true, hops: [$1]}
POLICY
}

save() { policy "$@" >"$STAGE/policy.yaml"; } # the router looks at its file every second

look_alike cloud
look_alike other
router < <(policy cloud,other 60s)
fail cloud status=503
ask "Who answers?"
expect "cloud failed \(transient\) → other served" "as the policy says; the cloud's breaker opens"

act "The policy is saved with two mistakes"
save claud,other 60
operator reload
expect "open_for: must be .* line 3" "every mistake is told"
expect "claud.* is no target.* line 6" "with its place"
ask "Does anybody notice?"
expect "cloud skipped \(circuit open\) → other served" "the old policy stays in force"

act "It is saved without them, with another order"
save other,cloud 60s
ask_until "· other served ·" "the new policy is in force without a restart" "And now?"
operator targets
expect "^cloud .* open" "what the breakers know is not lost"
