#!/usr/bin/env bash
# The cache's Valkey dies, then the cache itself: answers keep coming, and nobody waits for either.
set -euo pipefail
. "$(dirname "$0")/lib/try.sh"

valkey
look_alike cloud
cache
router <<POLICY
targets:
  cloud: {provider: openai, endpoint: "http://$CLOUD/v1", model: gpt-5-mini, allow_private: true}
routes:
  chat: {default: true, hops: [cloud, cache]}
POLICY

act "All is well: who asks at temperature 0 wants the same answer twice"
ask --temperature 0 "What is the capital of France?"
ask_until "^served by cache .* old" "the second time it is in the cache" --temperature 0 "What is the capital of France?"

act "Valkey is killed"
stop valkey KILL
ask --temperature 0 "What is the capital of France?"
expect "^served by cache .* old" "the cache still has it in its own memory"
ask --temperature 0 "What is the capital of Spain?"
expect "^served by cloud" "new questions are answered, too"

act "The cache is killed, too"
stop cache KILL
ask --temperature 0 "What is the capital of France?"
expect "^served by cloud .* 0\.[0-9] s$" "nobody waits for it"
fail cloud status=503
ask "What is the capital of France?"
expect "^2 +cache +skipped +cache unavailable" "with the provider down as well, its hop says why it was skipped"

act "Both are back"
heal cloud
valkey
cache
until_ready
ask_until "^served by cache .* old" "it is used again" --temperature 0 "What is the capital of Italy?"
