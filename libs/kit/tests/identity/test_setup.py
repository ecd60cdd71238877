"""From the settings to users who are known, with an issuer on a real socket."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from issuer import Issuer

from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import Authenticator
from failsoft_kit.identity.errors import KeysUnavailable
from failsoft_kit.identity.jwks_fetch import fetch_key_set
from failsoft_kit.identity.jwks_url import FetchFailed
from failsoft_kit.identity.settings import IdentitySettings
from failsoft_kit.identity.setup import identity_of
from failsoft_kit.settings import SettingsError, load
from failsoft_kit.startup import StartupError

pytestmark = pytest.mark.integration

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def publishing(answer: Answer) -> AsyncIterator[str]:
    """An HTTP server of this machine inside the block; gives its URL."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/keys"
    finally:
        await runner.cleanup()


def answering(body: bytes, *, status: int = 200, **headers: str) -> Answer:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return answer


async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
    """Sends everybody to where the keys are."""
    if request.path == "/elsewhere":
        return web.Response(body=b"keys")
    return web.Response(status=302, headers={"location": "/elsewhere"})


# The fetch.


async def test_what_is_at_the_url_is_fetched() -> None:
    async with publishing(answering(b"keys")) as url:
        assert await fetch_key_set(url) == b"keys"


@pytest.mark.parametrize(
    "answer",
    [
        elsewhere,
        answering(b"keys", status=404),
        answering(b"keys", status=204),
        answering(b"x" * (1024 * 1024 + 1)),
    ],
    ids=["a redirect", "a refusal", "nothing", "too much"],
)
async def test_anything_but_a_plain_answer_is_a_failure(answer: Answer) -> None:
    async with publishing(answer) as url:
        with pytest.raises(FetchFailed):
            await fetch_key_set(url)


async def test_nobody_at_the_url_is_a_failure() -> None:
    async with publishing(answering(b"")) as url:
        pass
    with pytest.raises(FetchFailed):
        await fetch_key_set(url)


# The settings.


def settings(text: str, folder: Path) -> IdentitySettings:
    file = folder / "settings.yaml"
    file.write_text(f"identity: {text}")
    return load(IdentitySettings, section="identity", file=file, environ={})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{keys: a}", "identity.keys"),
        ("{jwt: {audience: a, jwks_file: a}}", "identity.jwt.issuer"),
        ("{jwt: {issuer: i, jwks_file: a}}", "identity.jwt.audience"),
        ("{jwt: {issuer: i, audience: a}}", "identity.jwt"),
        ("{jwt: {issuer: i, audience: a, jwks_file: f, jwks_url: 'https://x/'}}", "identity.jwt"),
        ("{jwt: {issuer: i, audience: a, jwks_url: 'http://x/'}}", "identity.jwt.jwks_url"),
        ("{jwt: {issuer: i, audience: a, jwks_url: 'file:///x'}}", "identity.jwt.jwks_url"),
        ("{jwt: {issuer: i, audience: a, jwks_url: 'https://[x/'}}", "identity.jwt.jwks_url"),
        (
            "{jwt: {issuer: i, audience: a, jwks_file: f, algorithms: [HS256]}}",
            "identity.jwt.algorithms[0]",
        ),
        (
            "{jwt: {issuer: i, audience: a, jwks_file: f, algorithms: [none]}}",
            "identity.jwt.algorithms[0]",
        ),
        (
            "{jwt: {issuer: i, audience: a, jwks_file: f, algorithms: []}}",
            "identity.jwt.algorithms",
        ),
        ("{jwt: {issuer: i, audience: a, jwks_file: f, leeway: 1h}}", "identity.jwt.leeway"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(text, tmp_path)
    assert f"`{place}`" in refused.value.problems[0]


def test_variables_say_it_too() -> None:
    environ = {
        "FAILSOFT_IDENTITY_KEYS_FILE": "keys",
        "FAILSOFT_IDENTITY_JWT__ISSUER": "https://issuer.example",
        "FAILSOFT_IDENTITY_JWT__AUDIENCE": "failsoft",
        "FAILSOFT_IDENTITY_JWT__JWKS_URL": "https://issuer.example/keys",
    }

    found = load(IdentitySettings, section="identity", environ=environ)

    assert found.keys_file == Path("keys")
    assert found.jwt is not None
    assert found.jwt.audience == "failsoft"


async def test_nothing_set_knows_nobody(tmp_path: Path) -> None:
    identity = await identity_of(settings("{}", tmp_path), clock=SystemClock())

    assert (identity.authorities, identity.jobs) == ([], ())


@pytest.mark.parametrize(
    "text", ["{keys_file: none}", "{jwt: {issuer: i, audience: a, jwks_file: none}}"]
)
async def test_a_file_that_is_not_there_is_refused_at_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(StartupError):
        await identity_of(settings(text, tmp_path), clock=SystemClock())


async def test_a_token_is_believed_by_the_keys_at_a_url(tmp_path: Path, issuer: Issuer) -> None:
    async with publishing(answering(issuer.key_set("curve"))) as url:
        authenticator = await knowing(url, tmp_path)

    assert authenticator.principal(shown(issuer)).tenant == "acme"


async def test_a_router_starts_without_its_issuer(tmp_path: Path, issuer: Issuer) -> None:
    async with publishing(answering(b"")) as url:
        pass
    authenticator = await knowing(url, tmp_path)

    with pytest.raises(KeysUnavailable):
        authenticator.principal(shown(issuer))


async def knowing(url: str, folder: Path) -> Authenticator:
    """What knows the users of an issuer whose keys are at that URL."""
    text = f"{{jwt: {{issuer: i, audience: a, jwks_url: '{url}'}}}}"
    identity = await identity_of(settings(text, folder), clock=SystemClock())
    return Authenticator.of(None, loopback=True, authorities=identity.authorities)


def shown(issuer: Issuer) -> list[tuple[str, str | bytes]]:
    claims: Mapping[str, object] = {
        "iss": "i",
        "aud": "a",
        "exp": SystemClock().unix() + 600,
        "tenant": "acme",
    }
    return [("authorization", f"Bearer {issuer.token(claims)}")]
