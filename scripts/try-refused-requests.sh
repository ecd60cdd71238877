#!/usr/bin/env bash
# Requests that a provider refuses: too long, not allowed, wrong. It is not ill, and nothing is held against it.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

look_alike cloud
look_alike other
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true,
          breaker: {consecutive_failures: 1}}
  other: {provider: openai, endpoint: "http://$OTHER/v1", model: gpt-5-nano, allow_private: true}
  small: {provider: openai, endpoint: "http://$OTHER/v1", model: tiny, allow_private: true, context_tokens: 10}
routes:
  chat: {default: true, hops: [cloud, other]}
  short: {hops: [small, other]}
  open-minded: {hops: [cloud, other], content_filter_falls_back: true}
POLICY

act "The conversation is too long for its model"
fail cloud error=context_length_exceeded
ask "Can you read all of this?"
expect "cloud failed \(context length\) → other served" "a target whose window may be larger answers"

act "The conversation is too long for its model, and that can be seen before"
ask --model short "Is a question of more than eighty bytes too long for a model with a window of ten tokens?"
expect "small skipped \(context length\) → other served" "it is not even sent"

act "The content is refused"
fail cloud error=content_filter
ask "May I ask that?"
expect "^CONTENT_REFUSED" "the caller is told, and nobody else is asked"
ask --model open-minded "May I ask that elsewhere?"
expect "cloud failed \(content filter\) → other served" "unless the route says otherwise"

act "The request is wrong"
fail cloud '{"kind": "status", "status": 400, "body": "{\"error\": {\"type\": \"invalid_request_error\", \"code\": \"invalid_value\"}}"}'
ask "Is that a request?"
expect "^INVALID_REQUEST" "the caller is told, and nobody else is asked"

act "What it costs the provider"
operator targets
expect "cloud .* closed" "nothing: one failure would have opened its breaker"
