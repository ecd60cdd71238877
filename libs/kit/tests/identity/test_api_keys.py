"""Whose key it is, and what somebody learns who shows a wrong one."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from descriptors import no_descriptors_left
from hypothesis import given
from hypothesis import strategies as st

from failsoft_kit.identity import (
    Access,
    ApiKeys,
    Authenticator,
    Kind,
    Principal,
    ServiceToken,
)
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.key_record import KeyRecord
from failsoft_kit.startup import StartupError
from failsoft_kit.testing.clock import SettableClock
from failsoft_model.errors import InvalidRequest, Unauthenticated

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TOKEN = "a-token-of-forty-characters-0123456789ab"
KEY = ApiKey.new()
OPERATORS = ApiKey.new()
EXPIRED = ApiKey.new()
REVOKED = ApiKey.new()


def record(key: ApiKey, **fields: object) -> KeyRecord:
    return KeyRecord.model_validate(
        {"id": key.id, "sha256": key.digest, "tenant": "acme", "created": NOW, **fields}
    )


RECORDS = (
    record(KEY, expires=NOW + timedelta(days=1)),
    record(OPERATORS, tenant="ops", scopes=["operator"]),
    record(EXPIRED, created=NOW - timedelta(days=2), expires=NOW - timedelta(seconds=1)),
    record(REVOKED, revoked=NOW),
)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW.timestamp())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_bytes(b"# made by hand\n\n" + b"".join(each.to_line() for each in RECORDS))
    return file


@pytest.fixture
def keys(path: Path, clock: SettableClock) -> ApiKeys:
    return ApiKeys.from_file(path, clock=clock)


@pytest.fixture(scope="module")
def lasting_keys(tmp_path_factory: pytest.TempPathFactory) -> ApiKeys:
    """The same keys, for many examples."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_bytes(b"".join(each.to_line() for each in RECORDS))
    return ApiKeys.from_file(file, clock=SettableClock(NOW.timestamp()))


def replace(path: Path, content: bytes) -> None:
    """As a mounted file changes: a new one takes the old one's name."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def refusal(keys: ApiKeys, shown: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        keys.principal(shown)
    return refused.value.message


# A key.


def test_a_key_is_whose_it_is(keys: ApiKeys) -> None:
    assert keys.principal(KEY.text) == Principal(tenant="acme", kind=Kind.USER)


def test_a_key_has_the_scopes_that_it_was_given(keys: ApiKeys) -> None:
    assert Access.OPERATOR.permits(keys.principal(OPERATORS.text))
    assert not Access.OPERATOR.permits(keys.principal(KEY.text))
    assert not Access.SERVICE.permits(keys.principal(OPERATORS.text))


def test_no_two_keys_are_alike_and_each_can_be_read() -> None:
    keys = [ApiKey.new() for _ in range(100)]

    assert len({key.id for key in keys}) == len({key.digest for key in keys}) == 100
    assert [ApiKey.parse(key.text) for key in keys] == keys


def test_a_wrong_secret_and_an_unknown_id_are_told_alike(keys: ApiKeys) -> None:
    """Else one could find out which ids there are, and which keys are worth an attack."""
    wrong_secret = f"fs_{KEY.id}_{'A' * 43}"
    of_another = f"fs_{KEY.id}_{OPERATORS.text.partition(OPERATORS.id)[2][1:]}"

    told = {refusal(keys, shown) for shown in (ApiKey.new().text, wrong_secret, of_another)}

    assert len(told) == 1
    assert refusal(keys, "fs_") in told


@pytest.mark.parametrize(("key", "word"), [(EXPIRED, "expired"), (REVOKED, "revoked")])
def test_what_ended_a_key_is_told_to_its_owner_alone(keys: ApiKeys, key: ApiKey, word: str) -> None:
    assert word in refusal(keys, key.text)
    assert word not in refusal(keys, f"fs_{key.id}_{'A' * 43}")


def test_a_key_ends_at_its_moment(keys: ApiKeys, clock: SettableClock) -> None:
    clock.time = (NOW + timedelta(days=1)).timestamp() - 1
    keys.principal(KEY.text)
    clock.time += 1

    assert "expired" in refusal(keys, KEY.text)


def test_no_refusal_quotes_what_was_shown(keys: ApiKeys) -> None:
    for key in (EXPIRED, REVOKED, ApiKey.new()):
        secret = key.text.partition(key.id)[2]
        assert secret not in refusal(keys, key.text)
        assert key.digest not in refusal(keys, key.text)


def test_neither_a_key_nor_its_hash_shows_itself(keys: ApiKeys) -> None:
    shown = f"{KEY!r} {[KEY]} {keys!r} {record(KEY)!r} {record(KEY)}"

    assert KEY.text not in shown
    assert KEY.digest not in shown


@given(
    st.binary()
    | st.text()
    | st.builds("Bearer {}".format, st.text())
    | st.builds("bearer fs_{}_{}".format, st.sampled_from([KEY.id, "a" * 16]), st.text())
)
def test_whatever_is_shown_is_a_refusal_and_never_a_crash(
    lasting_keys: ApiKeys, shown: str | bytes
) -> None:
    authenticator = Authenticator.of(None, loopback=False, authorities=[lasting_keys])

    with pytest.raises(Unauthenticated):
        authenticator.principal([("authorization", shown)])


# The file.


def test_a_revoked_key_is_refused_within_a_second(
    keys: ApiKeys, path: Path, clock: SettableClock
) -> None:
    keys.principal(KEY.text)
    replace(path, record(KEY, revoked=NOW).to_line())
    clock.time += 1.0

    assert "revoked" in refusal(keys, KEY.text)


def test_a_key_that_is_no_longer_listed_is_refused(
    keys: ApiKeys, path: Path, clock: SettableClock
) -> None:
    replace(path, b"")
    clock.time += 1.0

    refusal(keys, KEY.text)


def test_a_key_that_was_removed_while_no_file_could_be_opened_is_refused(
    keys: ApiKeys, path: Path, clock: SettableClock
) -> None:
    """The file was never read again, and the key was good until the next change."""
    replace(path, record(OPERATORS).to_line())
    clock.time += 1.0
    with no_descriptors_left():
        assert keys.principal(KEY.text).tenant == "acme"

    clock.time += 1.0

    refusal(keys, KEY.text)


@pytest.mark.parametrize("content", [b"{", b'{"id": "x"}\n', b"\xff\xfe", None])
def test_a_file_that_goes_bad_keeps_the_keys_that_it_had(
    keys: ApiKeys, path: Path, clock: SettableClock, content: bytes | None
) -> None:
    if content is None:
        path.unlink()
    else:
        replace(path, content)
    clock.time += 1.0
    assert keys.principal(KEY.text).tenant == "acme"

    replace(path, record(KEY, tenant="other").to_line())
    clock.time += 1.0
    assert keys.principal(KEY.text).tenant == "other"


def mistakes(path: Path, *lines: object) -> tuple[str, ...]:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(StartupError) as refused:
        ApiKeys.from_file(path)
    return refused.value.problems


GOOD = json.loads(record(KEY).to_line())


@pytest.mark.parametrize(
    ("change", "place", "rule"),
    [
        ({"id": KEY.text}, "`id`", "must match"),
        ({"sha256": KEY.text}, "`sha256`", "must match"),
        ({"sha256": None}, "`sha256`", "must be a valid string"),
        ({"tenant": "Acme Corp"}, "`tenant`", "must be a tenant's name"),
        ({"scopes": ["operater"]}, "`scopes.0`", "must be 'operator'"),
        ({"scopes": "operator"}, "`scopes`", "must be a valid array"),
        ({"created": "yesterday"}, "`created`", "must be a valid datetime"),
        ({"created": "2026-11-01T12:00:00"}, "`created`", "must have timezone info"),
        ({"created": 1}, "`created`", "must be a valid datetime"),
        ({"expires": GOOD["created"]}, "`expires`", "must be later than `created`"),
        ({"name": "a\nb"}, "`name`", "must be printable"),
        ({"name": "a" * 101}, "`name`", "must have at most 100 characters"),
        ({"secret": KEY.text}, "`secret`", "is unknown"),
        ({KEY.text: "acme"}, "a field", "is unknown"),
        ({KEY.digest: "acme"}, "a field", "is unknown"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field_and_nothing_is_quoted(
    tmp_path: Path, change: dict[str, object], place: str, rule: str
) -> None:
    (problem,) = mistakes(tmp_path / "keys", {**GOOD, **change})

    assert "line 1: " in problem
    assert place in problem
    assert rule in problem
    assert KEY.text not in problem
    assert KEY.digest not in problem


def test_every_mistake_is_listed(tmp_path: Path) -> None:
    missing = {key: value for key, value in GOOD.items() if key not in ("tenant", "sha256")}

    problems = mistakes(tmp_path / "keys", GOOD, missing, 5, GOOD)

    assert [problem.partition(": ")[2] for problem in problems] == [
        "`sha256` is missing",
        "`tenant` is missing",
        "must be an object",
        "`id` is already on line 1",
    ]


def test_a_missing_file_is_refused_at_start_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as refused:
        ApiKeys.from_file(tmp_path / "nowhere")
    assert "nowhere" in refused.value.problems[0]


def test_a_file_that_is_too_large_is_no_file_of_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"#" * (1024 * 1024 + 1))

    with pytest.raises(StartupError):
        ApiKeys.from_file(tmp_path / "keys")


def test_a_record_is_read_as_it_was_written(tmp_path: Path, clock: SettableClock) -> None:
    whole = record(
        KEY, scopes=["operator"], expires=NOW + timedelta(days=1), revoked=NOW, name="CI"
    )

    assert KeyRecord.model_validate_json(whole.to_line(), strict=True) == whole


# The rules of a listener with keys.


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return ServiceToken.from_file(file)


@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize("metadata", [[], [("failsoft-tenant", "acme")]])
def test_where_users_are_known_each_says_who_it_is(
    keys: ApiKeys, token: ServiceToken, loopback: bool, metadata: list[tuple[str, str]]
) -> None:
    for known in (None, token):
        authenticator = Authenticator.of(known, loopback=loopback, authorities=[keys])
        with pytest.raises(Unauthenticated) as refused:
            authenticator.principal(metadata)
        assert "an API key" in refused.value.message
        assert not authenticator.admits_strangers


def test_a_service_speaks_for_a_tenant_beside_users_with_keys(
    keys: ApiKeys, token: ServiceToken
) -> None:
    authenticator = Authenticator.of(token, loopback=False, authorities=[keys])
    acme = ("failsoft-tenant", "globex")

    service = authenticator.principal([("authorization", f"Bearer {TOKEN}"), acme])
    user = authenticator.principal([("authorization", f"Bearer {KEY.text}"), acme])

    assert (service.tenant, service.kind) == ("globex", Kind.SERVICE)
    assert (user.tenant, user.kind) == ("acme", Kind.USER)


def test_a_key_is_worth_nothing_where_only_services_are_known(token: ServiceToken) -> None:
    with pytest.raises(Unauthenticated):
        Authenticator.of(token, loopback=True).principal([("authorization", f"Bearer {KEY.text}")])


@given(st.lists(st.tuples(st.sampled_from(["authorization", "failsoft-tenant"]), st.text())))
def test_any_metadata_is_a_principal_or_a_refusal(
    lasting_keys: ApiKeys, metadata: list[tuple[str, str]]
) -> None:
    authenticator = Authenticator.of(None, loopback=True, authorities=[lasting_keys])

    with suppress(Unauthenticated, InvalidRequest):
        assert authenticator.principal(metadata).tenant
