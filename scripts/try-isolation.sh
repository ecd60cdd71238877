#!/usr/bin/env bash
# An operator takes a target out, and puts it back: nobody's answer fails for it.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

look_alike cloud
look_alike other
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true}
routes:
  chat: {default: true, hops: [cloud, other]}
POLICY

act "The operator takes it out"
operator isolate cloud --for 10m --reason maintenance --actor ada
ask "Who answers?"
expect "cloud skipped \(isolated\) → other served" "the next target answers"
operator targets
expect "^cloud: isolated by ada: maintenance" "everybody can see who did it, why, and for how long"

act "And puts it back"
operator release cloud --actor ada
ask "Who answers now?"
expect "^served by cloud" "it is asked again at once"

act "What is kept of it"
show_until "target.released" "an audit line for each order" grep -E "target\.(isolated|released)" "$STAGE/router.log"
