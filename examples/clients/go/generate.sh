#!/bin/sh
# Generates gen/ (ignored by git) from the contract. Buf comes with the workspace (`make setup-dev`);
# the two plugins come with go.mod.
set -eu
cd "$(dirname "$0")"
buf=../../../.venv/bin/buf
[ -x "$buf" ] || buf=buf

rm -rf gen
mkdir gen
printf 'module failsoft.dev/gen/go\n\ngo 1.24.0\n' > gen/go.mod
"$buf" generate ../../../protos --template buf.gen.yaml
