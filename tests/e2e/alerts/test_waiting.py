"""No alert fires before what it is about has lasted as long as its rule says."""

import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "observability" / "prometheus"
RULES = FOLDER / "alerts.yaml"
WAITS = {
    rule["alert"]: rule["for"]
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}
STEP_SECONDS = 30
ALWAYS_0, ALWAYS_1, RISING = "0x100", "1x100", "0+1x100"

Series = dict[str, str]
"""How a series goes on, by its name and labels."""

WELL: Series = {
    'up{job="failsoft-router"}': ALWAYS_1,
    'failsoft_build_info{job="failsoft-router"}': ALWAYS_1,
    'failsoft_target_ready{failsoft_hop_target="cloud"}': ALWAYS_1,
    'failsoft_gate_shut{failsoft_hop_skip_reason="quota"}': ALWAYS_0,
    'failsoft_gate_shut{failsoft_hop_skip_reason="credential_quarantine"}': ALWAYS_0,
    'failsoft_gate_shut{failsoft_hop_skip_reason="bulkhead"}': ALWAYS_1,
    'failsoft_walks_total{failsoft_degradation="none"}': RISING,
    'failsoft_walks_total{failsoft_degradation="failed",error_type="cancelled"}': RISING,
    'failsoft_walks_total{failsoft_degradation="failed",error_type="ROUTE_EXHAUSTED"}': ALWAYS_0,
    'failsoft_walks_total{failsoft_degradation="mock"}': ALWAYS_0,
    "failsoft_calls_refused_total": ALWAYS_0,
    "failsoft_engine_up": ALWAYS_1,
    "failsoft_cache_shared_up": ALWAYS_1,
    'failsoft_event_loop_lag_seconds_bucket{le="0.25"}': RISING,
    'failsoft_event_loop_lag_seconds_bucket{le="0.5"}': RISING,
    'failsoft_event_loop_lag_seconds_bucket{le="+Inf"}': RISING,
    "failsoft_telemetry_spans_dropped_total": ALWAYS_0,
}
ILL: dict[str, Series] = {
    "FailsoftAllTargetsShut": {'failsoft_target_ready{failsoft_hop_target="cloud"}': ALWAYS_0},
    "FailsoftNoAnswers": {
        'failsoft_walks_total{failsoft_degradation="failed",error_type="ROUTE_EXHAUSTED"}': RISING
    },
    "FailsoftStaleOrMockShareHigh": {'failsoft_walks_total{failsoft_degradation="mock"}': RISING},
    "FailsoftOverloaded": {"failsoft_calls_refused_total": RISING},
    "FailsoftQuotaGateShut": {'failsoft_gate_shut{failsoft_hop_skip_reason="quota"}': ALWAYS_1},
    "FailsoftCredentialQuarantined": {
        'failsoft_gate_shut{failsoft_hop_skip_reason="credential_quarantine"}': ALWAYS_1
    },
    "FailsoftLocalLlmNotReady": {"failsoft_engine_up": ALWAYS_0},
    "FailsoftValkeyAway": {"failsoft_cache_shared_up": ALWAYS_0},
    "FailsoftReplicaDown": {'up{job="failsoft-router"}': ALWAYS_0},
    "FailsoftEventLoopLag": {'failsoft_event_loop_lag_seconds_bucket{le="0.25"}': ALWAYS_0},
    "FailsoftSpansDropped": {"failsoft_telemetry_spans_dropped_total": RISING},
    "FailsoftNobodyScraped": {'failsoft_build_info{job="failsoft-router"}': "_x100"},
}


@pytest.mark.e2e
@pytest.mark.parametrize("alert", WAITS)
def test_an_alert_fires_when_its_time_is_over_and_not_before(
    promtool: str, tmp_path: Path, alert: str
) -> None:
    wait = _seconds(WAITS[alert])

    told = _told(promtool, tmp_path, {**WELL, **ILL[alert]}, alert, at=wait - STEP_SECONDS)
    assert told == "", "too early"
    assert _told(promtool, tmp_path, {**WELL, **ILL[alert]}, alert, at=wait + 60, fires=True) == ""


@pytest.mark.e2e
@pytest.mark.parametrize("alert", WAITS)
def test_no_alert_fires_of_what_is_well(promtool: str, tmp_path: Path, alert: str) -> None:
    assert _told(promtool, tmp_path, WELL, alert, at=45 * 60) == ""


@pytest.mark.e2e
def test_prometheus_takes_the_rules_and_the_configuration(promtool: str, tmp_path: Path) -> None:
    for name in ("alerts.yaml", "prometheus.yaml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    (tmp_path / "metrics-token").touch()

    checked = subprocess.run(
        [promtool, "check", "config", "--lint=all", "--lint-fatal", "prometheus.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr


def _told(
    promtool: str, folder: Path, series: Series, alert: str, *, at: int, fires: bool = False
) -> str:
    """What promtool says against it: the alert fires that many seconds on, or does not."""
    firing = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    test = {
        "interval": f"{STEP_SECONDS}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"count({firing}) or vector(0)",
                "eval_time": f"{at}s",
                "exp_samples": [{"labels": "{}", "value": int(fires)}],
            }
        ],
    }
    file = folder / "test.yaml"
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{STEP_SECONDS}s",
        "tests": [test],
    }
    file.write_text(yaml.safe_dump(document))
    run = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    return "" if run.returncode == 0 else run.stdout + run.stderr


def _seconds(minutes: str) -> int:
    assert minutes.endswith("m")
    return int(minutes.removesuffix("m")) * 60
