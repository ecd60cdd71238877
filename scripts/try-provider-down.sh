#!/usr/bin/env bash
# A provider that is down: another one answers, and after a few calls nobody asks it any more.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

look_alike cloud
look_alike other
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true,
          attempts: 1, breaker: {consecutive_failures: 3, good_probes: 1}}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true}
routes:
  chat: {default: true, hops: [cloud, other]}
POLICY

act "Nobody listens at its address"
fail cloud refuse
ask "Is anybody there?"
expect "FALLBACK_TARGET.* cloud failed \(transient\) → other served" "the next target answers, and the label says so"

act "It answers 500"
fail cloud status=500
ask "And now?"
expect "cloud failed \(transient\) → other served" "the next target answers"

act "It is overloaded; with this third failure in a row its breaker opens"
fail cloud status=529
ask "Still there?"
ask "Does anybody wait for it?"
expect "cloud skipped \(circuit open\) → other served" "nobody asks it any more"

act "It is well again"
heal cloud
ask_until "^served by cloud" "soon after the open time it answers again" "Are you back?"
