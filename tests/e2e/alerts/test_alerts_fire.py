"""Each alert fires when what it is about happens to real services, and ends when that is over."""

import pytest
from prometheus_process import Prometheus
from watched_services import Services

from failsoft_upstream import faults

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DOWN = faults.Status(status=503)
ROUTER = {"job": "failsoft-router"}
CLOUD = {"failsoft_hop_target": "cloud"}


def test_no_alert_fires_while_all_is_well(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_nothing_fires(again=watched.ask)


def test_all_targets_shut(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftAllTargetsShut", again=watched.ask)

    watched.cloud.control.set_fault(DOWN)
    alerts.wait_until_firing("FailsoftAllTargetsShut", again=watched.ask)

    watched.cloud.control.clear_fault()
    alerts.wait_until_quiet("FailsoftAllTargetsShut", again=watched.ask)


def test_no_answers(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftNoAnswers")

    watched.cloud.control.set_fault(DOWN)
    alerts.wait_until_firing("FailsoftNoAnswers", again=lambda: watched.ask("bare"))

    watched.cloud.control.clear_fault()
    alerts.wait_until_quiet("FailsoftNoAnswers", again=watched.ask)


def test_stale_or_mock_share_high(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftStaleOrMockShareHigh", again=watched.ask)

    watched.cloud.control.set_fault(DOWN)
    alerts.wait_until_firing("FailsoftStaleOrMockShareHigh", again=watched.ask)

    watched.cloud.control.clear_fault()
    alerts.wait_until_quiet("FailsoftStaleOrMockShareHigh", again=watched.ask)


def test_overloaded(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftOverloaded")

    watched.cloud.control.set_fault(faults.Hang())
    alerts.wait_until_firing("FailsoftOverloaded", of=ROUTER, again=watched.ask_more_than_may_run)

    watched.cloud.control.clear_fault()
    alerts.wait_until_quiet("FailsoftOverloaded", again=watched.ask)


def test_quota_gate_shut(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftQuotaGateShut")

    watched.cloud.control.set_fault(faults.Status(status=429, retry_after=10.0))
    alerts.wait_until_firing("FailsoftQuotaGateShut", of=CLOUD, again=watched.ask)

    watched.cloud.control.clear_fault()
    alerts.wait_until_quiet("FailsoftQuotaGateShut", again=watched.ask)


def test_credential_quarantined(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftCredentialQuarantined")

    watched.cloud.control.set_fault(faults.Status(status=401))
    alerts.wait_until_firing("FailsoftCredentialQuarantined", of=CLOUD, again=watched.ask)

    watched.cloud.control.clear_fault()
    watched.replace_key()
    alerts.wait_until_quiet("FailsoftCredentialQuarantined", again=watched.ask)


def test_local_llm_not_ready(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftLocalLlmNotReady")

    alerts.wait_until_firing("FailsoftLocalLlmNotReady", again=watched.kill_engine)

    watched.local_llm.wait_until_serving()
    alerts.wait_until_quiet("FailsoftLocalLlmNotReady")


def test_valkey_away(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftValkeyAway")

    watched.valkey.kill()
    alerts.wait_until_firing("FailsoftValkeyAway")

    watched.valkey.start()
    alerts.wait_until_quiet("FailsoftValkeyAway")


def test_a_router_that_hangs_and_goes_on(watched: Services, alerts: Prometheus) -> None:
    """It tells nothing while it hangs, and how long it hung afterwards."""
    for name in ("FailsoftReplicaDown", "FailsoftNobodyScraped", "FailsoftEventLoopLag"):
        alerts.wait_until_quiet(name)

    with watched.frozen_router():
        alerts.wait_until_firing("FailsoftReplicaDown", of=ROUTER)
        alerts.wait_until_firing("FailsoftNobodyScraped", of=ROUTER)
    alerts.wait_until_firing("FailsoftEventLoopLag", of=ROUTER)

    for name in ("FailsoftReplicaDown", "FailsoftNobodyScraped", "FailsoftEventLoopLag"):
        alerts.wait_until_quiet(name)


def test_spans_dropped(watched: Services, alerts: Prometheus) -> None:
    alerts.wait_until_quiet("FailsoftSpansDropped")

    watched.collector.refuses = True
    alerts.wait_until_firing("FailsoftSpansDropped", of=ROUTER, again=watched.ask)

    watched.collector.refuses = False
    alerts.wait_until_quiet("FailsoftSpansDropped")
