"""Targets share a gate when they share what is ill, spent, refused or gone, and only then."""

from dataclasses import replace

import pytest

from failsoft_router.core.policy import (
    CredentialSource,
    Policy,
    Provider,
    TargetPolicy,
    TenantPolicy,
)

TARGET = TargetPolicy(
    name="mini",
    provider=Provider.OPENAI,
    model="gpt-5-mini",
    endpoint="https://api.openai.com",
    credential=CredentialSource(file="secrets/openai"),
)
HEALTH, CREDENTIAL, QUOTA, GONE = "health_key", "credential_key", "quota_key", "gone_key"
KEYS = (HEALTH, CREDENTIAL, QUOTA, GONE)


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (replace(TARGET, name="twin", concurrency=1), {HEALTH, CREDENTIAL, QUOTA, GONE}),
        (replace(TARGET, model="gpt-5"), {CREDENTIAL}),
        (replace(TARGET, endpoint="https://eu.api.openai.com"), set[str]()),
        (replace(TARGET, credential=CredentialSource(file="secrets/other")), {HEALTH}),
        (replace(TARGET, credential=CredentialSource(env="secrets/openai")), {HEALTH}),
        (replace(TARGET, credential=None), {HEALTH}),
    ],
)
def test_targets_share_the_gates_of_what_they_have_in_common(
    other: TargetPolicy, shared: set[str]
) -> None:
    assert {key for key in KEYS if getattr(other, key) == getattr(TARGET, key)} == shared


def test_targets_without_a_credential_share_the_lack_of_one() -> None:
    local = replace(TARGET, credential=None)

    assert local.credential_key == replace(local, name="twin").credential_key


def test_a_tenant_that_is_not_listed_gets_the_careful_defaults() -> None:
    listed = TenantPolicy(allow_mock=True)
    policy = Policy(targets={}, routes={}, tenants={"acme": listed})

    assert policy.tenant("acme") is listed
    assert policy.tenant("unheard-of") == TenantPolicy(allow_mock=False)
