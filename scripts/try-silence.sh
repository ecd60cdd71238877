#!/usr/bin/env bash
# A provider that says nothing: a limit fires, and another one answers.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

look_alike cloud --chunk-delay 0.05
look_alike other
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true,
          limits: {first_content: 1s, stall: 1s}, breaker: {consecutive_failures: 10}}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true}
routes:
  chat: {default: true, hops: [cloud, other]}
POLICY

act "It takes the question and hangs"
fail cloud hang
ask "Are you thinking?"
expect "cloud failed \(timeout first content\) → other served" "its limit for the first content fires"

act "It keeps the connection alive, and says nothing"
fail cloud "slow=9s;cover=keep_alives"
ask "Is that an answer?"
expect "cloud failed \(timeout first content\) → other served" "keep-alives are no content"

act "It names its role, and says nothing more"
fail cloud "slow=9s;cover=role"
ask "Is that one?"
expect "cloud failed \(timeout first content\) → other served" "neither is a role"

act "It is slow, but within the limit"
fail cloud slow=300ms
ask "Is slow as bad as dead?"
expect "^served by cloud" "who is only slow is waited for"

act "It falls silent in the midst of its answer"
fail cloud stall=6
fail other resume=on
ask "Could you finish your sentence?"
expect "^You asked: .Could you finish your sentence\?. This is the answer" "another one goes on where it broke off"
expect "cloud failed \(stall\) → other served" "and the last line says so"
