"""`python -m in_pods.health`: print what a router tells of everything, as it tells it."""

import os
import sys
import urllib.request

from in_pods import question

SECONDS = 10.0


def main() -> None:
    url = f"http://{os.environ['ROUTER']}:{question.HTTP_PORT}/health"
    request = urllib.request.Request(url, headers=question.headers())
    with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310
        sys.stdout.write(reply.read().decode())


if __name__ == "__main__":
    main()
