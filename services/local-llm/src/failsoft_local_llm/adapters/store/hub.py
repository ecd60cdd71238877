"""The Hugging Face hub, or a mirror of it.

GET <endpoint>/api/models/<repo>/revision/<revision>?blobs=true    files, sizes, checksums
GET <endpoint>/<repo>/resolve/<commit>/<path>                      content, by Range; may redirect
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self
from urllib.parse import quote

import msgspec
from huggingface_hub import constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # its lazy public names
    build_hf_headers,
    get_async_session,
    hf_raise_for_status,
    httpx,
)

from failsoft_local_llm.adapters.store.hub_refusal import refusal
from failsoft_local_llm.adapters.store.source import Broken, Stream
from failsoft_local_llm.core.catalogue import Hub, Weights
from failsoft_local_llm.core.store.files import Evidence, Expected, Listing, NotStored

_STALL_SECONDS = 30.0
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})
_PARTIAL_CONTENT = 206
_SCHEMES = frozenset({"http", "https"})
_HIGHEST_PORT = 65_535


class _Lfs(msgspec.Struct):
    sha256: str


class _File(msgspec.Struct, rename="camel"):
    rfilename: str
    size: int | None = None
    blob_id: str | None = None
    lfs: _Lfs | None = None


class _Info(msgspec.Struct):
    sha: str
    siblings: list[_File]


class HubSource:
    """One repository at one revision. A context manager: its connections live as long as it."""

    def __init__(
        self,
        weights: Weights,
        hub: Hub,
        *,
        token: str | None,
        endpoint: str | None,
        stall_seconds: float = _STALL_SECONDS,
    ) -> None:
        """
        Args:
            weights: Named in what is said to the operator, with their licence.
            token: None: what the hub's own tools have been told, `HF_TOKEN` for example.
            endpoint: Of a mirror, such as `https://mirror.example`; None: the hub itself.
            stall_seconds: A peer that says nothing for longer is left.

        Raises:
            NotStored: the endpoint is no address.
        """
        self._weights = weights
        self._hub = hub
        self._endpoint = _checked(endpoint or constants.ENDPOINT).rstrip("/")
        self._headers = build_hf_headers(
            token=token, library_name="failsoft", headers={"accept-encoding": "identity"}
        )
        self._stall_seconds = stall_seconds
        self._revision = hub.revision or constants.DEFAULT_REVISION
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._session = await self._open.enter_async_context(get_async_session())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    @property
    def place(self) -> str:
        return f"{self._endpoint}/{self._hub.repo}"

    async def listing(self) -> Listing:
        revision = quote(self._revision, safe="")
        url = f"{self._endpoint}/api/models/{self._hub.repo}/revision/{revision}"
        with self._translated(url):
            answer = await self._session.get(
                url,
                params={"blobs": "true"},
                headers=self._headers,
                timeout=self._stall_seconds,
            )
            hf_raise_for_status(answer)
        try:
            info = msgspec.json.decode(answer.content, type=_Info)
        except msgspec.DecodeError as error:
            raise NotStored(f"{url} did not answer as the hub does: {error}") from error
        self._revision = info.sha
        return Listing(revision=info.sha, files=tuple(map(_expected, info.siblings)))

    @asynccontextmanager
    async def stream(self, path: str, *, start: int) -> AsyncIterator[Stream]:
        url = hf_hub_url(self._hub.repo, path, revision=self._revision, endpoint=self._endpoint)
        headers = {**self._headers, "range": f"bytes={start}-"} if start else self._headers
        with self._translated(url):
            async with self._session.stream(
                "GET", url, headers=headers, timeout=self._stall_seconds
            ) as answer:
                hf_raise_for_status(answer)
                continued = answer.status_code == _PARTIAL_CONTENT
                yield Stream(start=start if continued else 0, pieces=answer.aiter_bytes())

    @contextmanager
    def _translated(self, url: str) -> Iterator[None]:
        try:
            yield
        except OfflineModeIsEnabled as error:
            raise NotStored(
                f"{url} is not asked, for HF_HUB_OFFLINE is set: unset it for the preload"
            ) from error
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in _WORTH_ANOTHER_TRY or status >= 500:
                raise Broken(f"it answered {status}") from error
            raise NotStored(refusal(error, self._weights, self._hub, url=url)) from error
        except httpx.TooManyRedirects as error:
            raise NotStored(
                f"{url} leads from one address to the next without an end: set HF_ENDPOINT to a"
                " mirror that has the files, or unset it"
            ) from error
        except httpx.RequestError as error:
            raise Broken(str(error) or type(error).__name__) from error


def _checked(endpoint: str) -> str:
    """The same. Raises NotStored where nobody can be connected to by it."""
    try:
        url = httpx.URL(endpoint)
        sound = url.scheme in _SCHEMES and bool(url.host) and (url.port or 0) <= _HIGHEST_PORT
    except httpx.InvalidURL:
        sound = False
    if not sound:
        raise NotStored(
            f"{endpoint!r} is no address of a hub: set HF_ENDPOINT to one such as"
            " https://mirror.example, or unset it"
        )
    return endpoint


def _expected(file: _File) -> Expected:
    """Big files are named by their sha256, small ones by git's name of their content."""
    vouched = file.lfs is not None or file.blob_id is not None
    return Expected(
        path=file.rfilename,
        size=file.size,
        sha256=None if file.lfs is None else file.lfs.sha256,
        git_blob=file.blob_id if file.lfs is None else None,
        evidence=Evidence.SOURCE if vouched else Evidence.NOBODY,
    )
