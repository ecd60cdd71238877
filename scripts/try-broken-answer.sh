#!/usr/bin/env bash
# A provider whose answers are broken, under the status 200: no half answer is passed off as one.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

look_alike cloud
look_alike other
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true,
          attempts: 1, breaker: {consecutive_failures: 10}}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true}
routes:
  chat: {default: true, hops: [cloud, other], midstream: restart}
POLICY

broken() { # FAULT CLASS TITLE
  act "$3"
  fail cloud "$1"
  ask "Is that your whole answer?"
  expect "cloud failed \($2\) → other served" "it counts as a failure, and another target answers"
}

broken cut=6 truncated "The stream ends well, but without a finish reason"
expect "^\[the answer so far is void \(truncated\)" "the reader is told that what came is void"
broken stream_error=0 transient "The stream has an error in it, and nothing else"
broken stream_error=6 transient "The stream has an error in it after some words"
broken malformed=0 malformed "What comes is no JSON"
broken empty truncated "The answer has a finish reason and no word"
broken empty_body truncated "Not a byte comes"
