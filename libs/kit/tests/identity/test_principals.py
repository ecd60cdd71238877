"""Whom a listener believes, and for which tenant."""

import os
from pathlib import Path

import pytest

from failsoft_kit.identity import Access, Authenticator, Kind, Principal, ServiceToken
from failsoft_kit.identity.rotation import HOLD_BACK_SECONDS, OVERLAP_SECONDS
from failsoft_kit.process import StartupError
from failsoft_kit.testing.clock import SettableClock
from failsoft_model.errors import InvalidRequest, Unauthenticated

SECRET = "a-token-of-forty-characters-0123456789ab"
OTHER = "b-token-of-forty-characters-0123456789ab"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(SECRET + "\n")
    return file


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def token(path: Path, clock: SettableClock) -> ServiceToken:
    return ServiceToken.from_file(path, clock=clock)


def replace(path: Path, content: str) -> None:
    """As a mounted secret changes: a new file takes the old one's name."""
    fresh = path.with_suffix(".new")
    fresh.write_text(content)
    fresh.replace(path)


def bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


# The token.


def test_the_line_break_at_the_file_s_end_is_not_the_token_s(token: ServiceToken) -> None:
    assert token.matches(SECRET)
    assert token.authorization() == f"Bearer {SECRET}"


@pytest.mark.parametrize("presented", ["", SECRET[:-1], SECRET + "x", OTHER, "né", "\ud800"])
def test_nothing_but_the_token_matches(token: ServiceToken, presented: str) -> None:
    """Whatever a caller sends is an answer of no, never an exception."""
    assert not token.matches(presented)


def test_a_token_never_shows_itself(token: ServiceToken) -> None:
    assert SECRET not in repr(token)
    assert SECRET not in str(token)
    assert SECRET not in f"{[token]}"


def test_a_replaced_token_is_believed_within_a_second(
    token: ServiceToken, path: Path, clock: SettableClock
) -> None:
    replace(path, OTHER)
    assert not token.matches(OTHER)  # not looked at on every call

    clock.time += 1.0
    assert token.matches(OTHER)


def test_a_replaced_token_is_shown_when_the_others_have_it_too(
    token: ServiceToken, path: Path, clock: SettableClock
) -> None:
    replace(path, OTHER)
    clock.time += 1.0
    assert token.authorization() == f"Bearer {SECRET}"

    clock.time += HOLD_BACK_SECONDS
    assert token.authorization() == f"Bearer {OTHER}"


def test_the_token_before_is_believed_for_a_while_and_no_longer(
    token: ServiceToken, path: Path, clock: SettableClock
) -> None:
    replace(path, OTHER)
    clock.time += 1.0
    assert token.matches(SECRET)

    clock.time += OVERLAP_SECONDS
    assert not token.matches(SECRET)


def test_a_change_that_nobody_looked_at_counts_from_when_it_was_made(path: Path) -> None:
    """A service that had not been called for an hour took the old token for another while, and
    showed it to others, who had forgotten it."""
    clock = SettableClock(path.stat().st_ctime)
    token = ServiceToken.from_file(path, clock=clock)
    replace(path, OTHER)
    clock.time += 3600.0

    assert token.authorization() == f"Bearer {OTHER}"
    assert not token.matches(SECRET)


def test_a_token_that_was_there_at_the_start_is_shown_at_once(path: Path) -> None:
    """A restart is how an operator revokes the one before at once."""
    replace(path, OTHER)
    token = ServiceToken.from_file(path, clock=SettableClock(path.stat().st_ctime))

    assert token.authorization() == f"Bearer {OTHER}"
    assert not token.matches(SECRET)


def test_every_line_is_believed_and_the_first_one_shown(path: Path, clock: SettableClock) -> None:
    path.write_text(f"{SECRET}\n{OTHER}\n")
    token = ServiceToken.from_file(path, clock=clock)

    assert token.authorization() == f"Bearer {SECRET}"
    assert token.matches(SECRET)
    assert token.matches(OTHER)
    assert not token.matches(f"{SECRET}\n{OTHER}")


def test_a_file_written_in_place_is_noticed_too(
    token: ServiceToken, path: Path, clock: SettableClock
) -> None:
    path.write_text(OTHER + "\n")
    os.utime(path, ns=(0, 1))
    clock.time += 1.0

    assert token.matches(OTHER)


@pytest.mark.parametrize("content", ["", "too short", None])
def test_a_file_that_goes_bad_does_not_lock_everybody_out(
    token: ServiceToken, path: Path, clock: SettableClock, content: str | None
) -> None:
    if content is None:
        path.unlink()
    else:
        replace(path, content)
    clock.time += 1.0
    assert token.matches(SECRET)

    replace(path, OTHER)
    clock.time += 1.0
    assert token.matches(OTHER)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 31,
        b"x" * 31 + b"\n",
        "é".encode() * 40,
        b"x" * 32 + b"\n" + b"y" * 31,
        b"\n".join([b"x" * 32] * 9),
    ],
)
def test_what_is_no_token_is_refused_at_start(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)

    with pytest.raises(StartupError) as refusal:
        ServiceToken.from_file(file)
    assert str(file) in refusal.value.problems[0]


def test_a_token_with_a_space_within_is_refused(tmp_path: Path) -> None:
    """It would not survive the way through a header."""
    file = tmp_path / "token"
    file.write_text("x" * 20 + " " + "y" * 20)

    with pytest.raises(StartupError):
        ServiceToken.from_file(file)


def test_a_missing_file_is_refused_at_start_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as refusal:
        ServiceToken.from_file(tmp_path / "nowhere")
    assert "nowhere" in refusal.value.problems[0]


# Who the caller is.


def test_without_identity_everybody_on_this_machine_is_its_owner() -> None:
    """Dummy keys, which HTTP clients insist on sending, do no harm."""
    authenticator = Authenticator.of(None, loopback=True)

    for metadata in ([], [bearer("sk-dummy")], [("failsoft-tenant", "acme")]):
        principal = authenticator.principal(metadata)
        assert (principal.tenant, principal.kind) == ("default", Kind.USER)
        assert Access.OPERATOR.permits(principal)


def test_without_identity_nothing_but_loopback_may_be_bound() -> None:
    with pytest.raises(StartupError):
        Authenticator.of(None, loopback=False)


@pytest.mark.parametrize("loopback", [True, False])
def test_the_token_makes_a_service_that_speaks_for_a_tenant(
    token: ServiceToken, loopback: bool
) -> None:
    principal = Authenticator.of(token, loopback=loopback).principal(
        [bearer(SECRET), ("failsoft-tenant", "acme")]
    )

    assert (principal.tenant, principal.kind) == ("acme", Kind.SERVICE)


def test_a_service_that_names_no_tenant_speaks_for_the_default_one(token: ServiceToken) -> None:
    principal = Authenticator.of(token, loopback=False).principal([bearer(SECRET)])

    assert principal.tenant == "default"


def test_on_loopback_a_caller_without_a_bearer_is_a_plain_user(token: ServiceToken) -> None:
    principal = Authenticator.of(token, loopback=True).principal([("failsoft-tenant", "acme")])

    assert principal == Principal(tenant="default", kind=Kind.USER)


def test_elsewhere_a_caller_without_a_bearer_is_refused(token: ServiceToken) -> None:
    with pytest.raises(Unauthenticated):
        Authenticator.of(token, loopback=False).principal([])


@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize(
    "metadata",
    [
        [bearer(OTHER)],
        [bearer("")],
        [("authorization", SECRET)],
        [("authorization", f"Basic {SECRET}")],
        [bearer(SECRET), bearer(SECRET)],
        [bearer(OTHER), bearer(SECRET)],
        [("authorization", SECRET.encode())],
        [("authorization", b"\xff")],
    ],
)
def test_a_wrong_claim_is_refused_everywhere(
    token: ServiceToken, loopback: bool, metadata: list[tuple[str, str | bytes]]
) -> None:
    """Who claims something and cannot prove it is not taken for a stranger, but stopped."""
    with pytest.raises(Unauthenticated):
        Authenticator.of(token, loopback=loopback).principal(metadata)


def test_the_scheme_s_case_does_not_matter(token: ServiceToken) -> None:
    authenticator = Authenticator.of(token, loopback=False)

    assert authenticator.principal([("authorization", f"bearer {SECRET}")]).kind is Kind.SERVICE


@pytest.mark.parametrize("tenant", ["", "-acme", "Acme", "a" * 64, "a/b", "acme\n", "ümlaut"])
def test_an_impossible_tenant_is_refused_and_the_field_named(
    token: ServiceToken, tenant: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Authenticator.of(token, loopback=False).principal(
            [bearer(SECRET), ("failsoft-tenant", tenant)]
        )
    assert [violation.field for violation in refusal.value.violations] == ["failsoft-tenant"]


@pytest.mark.parametrize("tenant", ["a", "0", "a" * 63, "team-7"])
def test_a_possible_tenant_is_accepted(token: ServiceToken, tenant: str) -> None:
    principal = Authenticator.of(token, loopback=False).principal(
        [bearer(SECRET), ("failsoft-tenant", tenant)]
    )
    assert principal.tenant == tenant


def test_a_call_for_two_tenants_is_refused(token: ServiceToken) -> None:
    """Two readers of such metadata could each believe another one."""
    with pytest.raises(InvalidRequest):
        Authenticator.of(token, loopback=False).principal(
            [bearer(SECRET), ("failsoft-tenant", "a"), ("failsoft-tenant", "b")]
        )


class OneUser:
    """An authority that knows one."""

    accepts = "a key"

    def judges(self, bearer: str) -> bool:
        return bearer == "key"

    def principal(self, bearer: str) -> Principal:
        return Principal(tenant="globex", kind=Kind.USER)


@pytest.mark.parametrize("name", ["router.test", "stranger.test"])
def test_a_user_is_that_user_whatever_the_certificate(token: ServiceToken, name: str) -> None:
    """Services have to show both; a service that passes a user's key on asks as that user."""
    port = Authenticator.of(
        token, loopback=False, authorities=[OneUser()], services=["router.test"]
    )

    who = port.principal([bearer("key"), ("failsoft-tenant", "acme")], names=[name])
    assert who == Principal(tenant="globex", kind=Kind.USER)


# What a method demands.


def test_who_may_call_what() -> None:
    user = Principal(tenant="acme", kind=Kind.USER)
    operator = Principal(tenant="acme", kind=Kind.USER, scopes=frozenset({"operator"}))
    service = Principal(tenant="acme", kind=Kind.SERVICE)

    allowed = {
        access: [access.permits(principal) for principal in (user, operator, service)]
        for access in Access
    }
    assert allowed == {
        Access.ANYONE: [True, True, True],
        Access.TENANT: [True, True, True],
        Access.SERVICE: [False, False, True],
        Access.OPERATOR: [False, True, False],
    }
