"""A Secret that is changed is used without a restart, and without a call that is lost."""

import base64
import json
import secrets
import threading
from typing import TYPE_CHECKING

import pytest
from on_cluster.callers import CALLER
from on_cluster.waiting import eventually

from failsoft_kit.identity.rotation import HOLD_BACK_SECONDS

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

THERE_SECONDS = 120.0
"""The kubelet looks at Secrets once a minute, and a half."""

SECRET = "secret/failsoft-service-token"
FILE = "/etc/failsoft/keys/service-token"
SERVICES = ("router", "cache", "local-llm")


def test_a_service_token_that_is_replaced_in_one_step_loses_no_stream(
    release: "Release", callers: "Callers"
) -> None:
    """The route `local` has one hop, so nobody is answered while its credential is in quarantine.

    The token is put back, because Helm rolls nothing back over somebody else's change; which is a
    second rotation.
    """
    restarts = [release.restarts(component) for component in SERVICES]
    before = base64.b64decode(release.namespace.get(SECRET)["data"]["token"]).decode()
    fresh = secrets.token_hex(32)
    load = callers.start_load(grpc=1, local=2)

    assert ask_as(callers, fresh).startswith("UNAUTHENTICATED")
    try:
        replace(release, fresh)
        assert ask_as(callers, fresh) == ""
    finally:
        replace(release, before)

    for kind, streams in load.stop().items():
        print(f"\n  {kind}: {streams.told()}", end="")  # noqa: T201 - for who asks by -s
        assert streams.whole > 0
        assert (streams.lost, streams.degraded) == ([], {}), kind
    assert [release.restarts(component) for component in SERVICES] == restarts


def replace(release: "Release", token: str) -> None:
    """Change the Secret; returns when every pod has it and shows it."""

    def is_there() -> bool:
        pods = [pod for component in SERVICES for pod in release.pods(component)]
        return all(release.read(pod, FILE) == token for pod in pods)

    patch = json.dumps({"stringData": {"token": token}})
    release.namespace.kubectl("patch", SECRET, f"--patch={patch}")
    there = eventually(is_there, within=THERE_SECONDS)
    print(f"a token was in every pod after {there:.0f} s")  # noqa: T201
    threading.Event().wait(HOLD_BACK_SECONDS)


def ask_as(callers: "Callers", token: str) -> str:
    """Why a router does not answer who shows that token; empty: it does."""
    code = "import os, sys; os.environ['KEY'] = sys.argv.pop(); import in_pods.ask as a; a.main()"
    told = json.loads(callers.python(CALLER, "-c", code, "grpc", "chat", token))
    return str(told.get("error", ""))
