#!/usr/bin/env bash
# A provider that refuses us: too many calls, no money, a bad key, no key.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

look_alike cloud --api-key the-right-key
look_alike other
echo the-right-key >"$STAGE/key"
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true,
          credential: {file: key}}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true}
routes:
  chat: {default: true, hops: [cloud, other]}
POLICY

act "It says 429 and asks for a second"
fail_once cloud "status=429;retry_after=1"
ask "May I ask something?"
expect "^served by cloud" "a short wait is better than the second best answer"

act "It says 429 and asks for four seconds"
fail_once cloud "status=429;retry_after=4"
ask "And something else?"
expect "cloud failed \(rate limited\) → other served" "a long one is not waited for"
ask "And one more thing?"
expect "cloud skipped \(quota\) → other served" "until then nobody asks it; its breaker stays closed"
ask_until "^served by cloud" "after that it is asked again" "And now?"

act "The key is wrong"
echo a-wrong-key >"$STAGE/key"
ask_until "cloud failed \(credential\) → other served" "the next target answers" "Do you know me?"
ask "Do you know me now?"
expect "cloud skipped \(credential quarantine\)" "a refused key is not shown again"
echo the-right-key >"$STAGE/key"
ask_until "^served by cloud" "another key is used at once, without a restart" "With this key?"

act "There is no key"
rm "$STAGE/key"
ask_until "cloud skipped \(no credential\) → other served" "its hop is skipped" "Without any?"
