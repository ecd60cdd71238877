"""The control API: tells a look-alike over HTTP how to fail, and what it has counted.

    GET    /control/state             what it does now
    PUT    /control/fault[?model=M]   a fault, as JSON or in the short form
    DELETE /control/fault[?model=M]   healthy again
    POST   /control/script[?model=M]  {"steps": [fault, ...], "then": "repeat|last|healthy"}
    GET    /control/meter             the counts
    POST   /control/reset             as at the start

Only for callers on the loopback interface.
"""

import functools
import ipaddress
from collections.abc import Awaitable, Callable, Sequence

import orjson
from aiohttp import web

from failsoft_upstream import notation
from failsoft_upstream.faults import Refuse
from failsoft_upstream.notation import BadFault
from failsoft_upstream.script import CannotRefuse, Script, Then
from failsoft_upstream.upstream import Upstream

_Command = Callable[[Upstream, web.Request], Awaitable[object]]


class _BadCommand(ValueError):
    """The body is no command; the message says why."""


def routes(upstream: Upstream) -> Sequence[web.RouteDef]:
    """The control API's paths, to add to an application."""

    def route(method: str, path: str, command: _Command) -> web.RouteDef:
        return web.route(method, path, functools.partial(_answer, upstream, command))

    return (
        route("GET", "/control/state", _state),
        route("PUT", "/control/fault", _set_fault),
        route("DELETE", "/control/fault", _clear_fault),
        route("POST", "/control/script", _script),
        route("GET", "/control/meter", _meter),
        route("POST", "/control/reset", _reset),
    )


def is_loopback(address: str | None) -> bool:
    """Whether an IP address is one of this machine's loopback interface; None is not."""
    if address is None:
        return False
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


async def _answer(
    upstream: Upstream, command: _Command, request: web.Request
) -> web.StreamResponse:
    """Run a command; its result, or what was wrong with it, is the reply's JSON."""
    if not is_loopback(request.remote):
        return _json({"error": "only for callers on the loopback interface"}, status=403)
    try:
        return _json(await command(upstream, request))
    except (BadFault, CannotRefuse, _BadCommand) as error:
        return _json({"error": str(error)}, status=400)


async def _state(upstream: Upstream, _: web.Request) -> object:
    return {
        "listening": upstream.is_listening,
        "scripts": [
            {
                "model": model,
                "steps": [notation.to_value(step) for step in script.steps],
                "then": script.then.value,
            }
            for model, script in upstream.scripts.items()
        ],
    }


async def _set_fault(upstream: Upstream, request: web.Request) -> object:
    fault = notation.parse(await _text(request))
    if isinstance(fault, Refuse) and not upstream.can_refuse_by_command:
        raise CannotRefuse(
            "refuse would shut this control API too: start the look-alike with a control port"
        )
    await upstream.set_fault(fault, model=_model(request))
    return await _state(upstream, request)


async def _clear_fault(upstream: Upstream, request: web.Request) -> object:
    await upstream.clear_fault(model=_model(request))
    return await _state(upstream, request)


async def _script(upstream: Upstream, request: web.Request) -> object:
    script = _read_script(await _text(request))
    await upstream.play(script, model=_model(request))
    return await _state(upstream, request)


async def _meter(upstream: Upstream, _: web.Request) -> object:
    return upstream.meter.counts()


async def _reset(upstream: Upstream, request: web.Request) -> object:
    await upstream.reset()
    return await _state(upstream, request)


def _read_script(text: str) -> Script:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _BadCommand(f"not JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
        raise _BadCommand("a script is an object with an array steps")
    if unknown := value.keys() - {"steps", "then"}:
        raise _BadCommand(f"a script has no field {', '.join(sorted(unknown))}")
    try:
        then = Then(value.get("then", Then.HEALTHY.value))
    except ValueError as error:
        allowed = ", ".join(choice.value for choice in Then)
        raise _BadCommand(f"then: must be one of {allowed}") from error
    return Script(tuple(notation.from_value(step) for step in value["steps"]), then)


async def _text(request: web.Request) -> str:
    try:
        return (await request.read()).decode()
    except UnicodeDecodeError as error:
        raise _BadCommand("the body is not UTF-8") from error


def _model(request: web.Request) -> str | None:
    return request.query.get("model")


def _json(value: object, *, status: int = 200) -> web.StreamResponse:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
