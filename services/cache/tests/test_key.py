import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from failsoft_cache.core.key import KEY_BYTES, MasterSecret

SECRET = MasterSecret(b"0123456789abcdef0123456789abcdef")
TENANTS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)


@given(first=TENANTS, second=TENANTS, request=st.binary())
def test_two_tenants_never_share_a_key(first: str, second: str, request: bytes) -> None:
    """The same question of two tenants must not even look alike to who sees the keys."""
    assume(first != second)

    assert SECRET.of(first).key(request) != SECRET.of(second).key(request)


@given(tenant=TENANTS, first=st.binary(), second=st.binary())
def test_different_requests_have_different_keys(tenant: str, first: bytes, second: bytes) -> None:
    assume(first != second)

    assert SECRET.of(tenant).key(first) != SECRET.of(tenant).key(second)


def test_a_key_is_the_same_in_every_replica_with_the_same_master_secret() -> None:
    other_replica = MasterSecret(b"0123456789abcdef0123456789abcdef")

    key = SECRET.of("acme").key(b"question")

    assert key == other_replica.of("acme").key(b"question")
    assert len(key) == KEY_BYTES


def test_another_master_secret_gives_other_keys_and_seals() -> None:
    other = MasterSecret(b"another-secret-another-secret-00").of("acme")

    assert other.key(b"question") != SECRET.of("acme").key(b"question")
    assert other.seal(b"content") != SECRET.of("acme").seal(b"content")


def test_a_key_is_no_seal() -> None:
    """Who may ask for keys of any request could otherwise forge entries."""
    secrets = SECRET.of("acme")

    assert secrets.key(b"content") != secrets.seal(b"content")


def test_a_short_master_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        MasterSecret(b"x" * 31)


def test_secrets_hide_themselves() -> None:
    value = "0123456789abcdef0123456789abcdef"

    assert value not in repr(SECRET)
    assert repr(SECRET.of("acme")) == "TenantSecrets()"
