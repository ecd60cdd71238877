"""What a listener serves, and what each route demands: its authorisation table."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from failsoft_kit.http.errors import MethodNotAllowed, PathNotFound
from failsoft_kit.http.exchange import Request, Response
from failsoft_kit.identity import Access
from failsoft_model.errors import FailsoftError

Handler = Callable[[Request, Response], Awaitable[None]]
"""Answers one request; what it raises before it has sent anything becomes the reply."""

_BELOW = "/*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    """One that ends in `/*` stands for every path below."""
    access: Access
    handler: Handler
    is_check: bool = False
    """It tells how we are. Like what is open to anyone it is answered when others find no room,
    no drain waits for it, and it is neither traced nor measured."""

    @property
    def is_held(self) -> bool:
        """Whether its requests count among those that are running."""
        return self.access is not Access.ANYONE and not self.is_check

    @property
    def name(self) -> str:
        """As spans, metrics and logs call it: `POST /v1/chat/completions`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The route of a request, and what its path has beyond the route's."""

    route: Route
    below: str = ""


class Routes:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._exact = {(route.path, route.method): Match(route=route) for route in routes}
        self._below = [
            (route.path.removesuffix("*"), route) for route in routes if route.path.endswith(_BELOW)
        ]

    def find(self, method: str, path: str) -> Match | FailsoftError:
        """The route, or why there is none; a HEAD is a GET whose body is not sent."""
        if method == "HEAD":
            method = "GET"
        exact = self._exact.get((path, method))
        if exact is not None:
            return exact
        others: list[str] = []
        for head, route in self._below:
            if path.startswith(head) and len(path) > len(head):
                if route.method == method:
                    return Match(route=route, below=path[len(head) :])
                others.append(route.method)
        others += [other for served, other in self._exact if served == path]
        if others:
            allowed = ", ".join(sorted(set(others)))
            return MethodNotAllowed(
                f"this path is served with {allowed}", metadata={"allow": allowed}
            )
        return PathNotFound("nothing is served at this path")
