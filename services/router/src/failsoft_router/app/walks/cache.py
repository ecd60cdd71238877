"""One walk's use of the cache, as its route, its caller and its tenant allow."""

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.span import Kind, Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.canonical import canonical
from failsoft_model.chat import ChatRequest, Degradation
from failsoft_model.events import Choice
from failsoft_model.walk import CacheStatus
from failsoft_router import span_names
from failsoft_router.core.policy import CachePolicy, FreshHits, RoutePolicy
from failsoft_router.ports import AnswerCache, Ending, Found, Keeping, StoredAnswer

_BYPASS = Found(key=b"", status=CacheStatus.BYPASS)


class WalkCache:
    """Looks one request up and keeps its answer; without a cache it does nothing."""

    def __init__(
        self,
        cache: AnswerCache | None,
        request: ChatRequest,
        *,
        route: RoutePolicy,
        tenant: str,
        tracer: Tracer,
        clock: Clock,
    ) -> None:
        self._cache = cache
        self._request = request
        self._route = route
        self._tenant = tenant
        self._tracer = tracer
        self._clock = clock
        self.found = _BYPASS

    async def look_up(self, parent: Span) -> Found:
        """The fresh answer, where one may be given; always the key for later."""
        policy, control = self._route.cache, self._request.cache_control
        if self._cache is None or policy is None or (control.no_cache and control.no_store):
            return self.found
        form = self._canonical(policy)
        fresh = not control.no_cache and _wants_fresh(policy, self._request)
        with self._span(parent) as span:
            self.found = await self._find(self._cache, form, fresh=fresh, span=span)
            _describe(span, self.found)
        return self.found

    async def stale(self, parent: Span) -> Found:
        """The stored answer, however old the cache lets it be.

        A cache that was away at the start is asked once more: it may have been a moment's
        trouble, and nothing else is left but what it has.
        """
        policy = self._route.cache
        if self._cache is None or policy is None:
            return self.found
        with self._span(parent) as span:
            if not self.found.key:
                form = self._canonical(policy)
                self.found = await self._find(self._cache, form, fresh=False, span=span)
            if self.found.key:
                self.found = await self._cache.find_stale(
                    self.found.key, tenant=self._tenant, span=span.context
                )
            _describe(span, self.found)
        return self.found

    def keep(
        self,
        choice: Choice,
        ending: Ending,
        *,
        served_by: str,
        degradation: Degradation,
        walk: Span,
    ) -> None:
        """Keep a whole answer of a real target; a fallback's is never served in good times."""
        policy = self._route.cache
        if self._cache is None or policy is None or self._request.cache_control.no_store:
            return
        if not self.found.key:
            return
        answer = StoredAnswer(
            choice=choice,
            finish_reason=ending.finish_reason,
            usage=ending.usage,
            served_by=served_by,
            model=ending.model,
            created=self._clock.unix(),
        )
        fresh_for = policy.fresh_for if degradation is Degradation.NONE else 0.0
        keeping = Keeping(fresh_for=fresh_for, stale_if_error=policy.stale_if_error)
        self._cache.store(self.found.key, answer, keeping, tenant=self._tenant, walk=walk.context)

    def _canonical(self, policy: CachePolicy) -> bytes:
        return canonical(self._request, route=self._route.name, epoch=policy.epoch)

    async def _find(self, cache: AnswerCache, form: bytes, *, fresh: bool, span: Span) -> Found:
        return await cache.find(
            form,
            tenant=self._tenant,
            fresh=fresh,
            max_age=self._request.cache_control.max_age,
            span=span.context,
        )

    def _span(self, parent: Span) -> Span:
        return self._tracer.start(
            span_names.LOOK_UP_METHOD,
            kind=Kind.CLIENT,
            parent=parent,
            attributes=span_names.call_attributes(span_names.LOOK_UP_METHOD),
        )


def _wants_fresh(policy: CachePolicy, request: ChatRequest) -> bool:
    match policy.fresh_hits:
        case FreshHits.ALWAYS:
            return True
        case FreshHits.NEVER:
            return False
        case FreshHits.DETERMINISTIC:
            return request.sampling.temperature == 0


def _describe(span: Span, found: Found) -> None:
    span.set(span_names.CACHE_STATUS, found.status.value)
    if found.age is not None:
        span.set(span_names.CACHE_AGE, found.age)
