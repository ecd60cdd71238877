"""What goes wrong while the endpoints of one service are followed: when to try again, what to log.

Two things may be wrong, and each is told once, and once when it is over:

    nothing is told     the API did not answer a list, so nothing new is known
    the watch is cut    lists are answered; what changes is known when the next one is

Nothing is gained by asking an API often that does not answer, and all routers have lost it
together: pauses grow to `LONGEST_PAUSE`. An API that answers lists is asked again soon, for
until then nobody sees what changes: they grow to `LONGEST_REST`. A watch that lasted was no
trouble, whatever ended it.
"""

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_router.core.service_address import ServiceAddress

_log: FilteringBoundLogger = structlog.get_logger()

FIRST_PAUSE = 0.5
LONGEST_REST = 2.0
LONGEST_PAUSE = 30.0
CUTS = 3
"""In a row, until that is told: an API server that is replaced cuts each watch once."""


def pause(failures: int, draw: float, *, longest: float = LONGEST_PAUSE) -> float:
    """Seconds to wait after so many failures in a row.

    Args:
        failures: At least 1.
        draw: Uniform in [0, 1).
    """
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 16), longest) * (0.5 + 0.5 * draw)


class Trouble:
    """Of one service."""

    def __init__(self, service: ServiceAddress) -> None:
        self._facts = {"namespace": service.namespace, "service": service.service}
        self._is_listed = self._ever_listed = False
        self._misses = self._cuts = 0
        """In a row: lists that were not answered, watches that were of no use."""
        self._silence_told = self._cuts_told = self._name_told = False

    @property
    def ever_listed(self) -> bool:
        """The API has said at least once which endpoints there are."""
        return self._ever_listed

    @property
    def is_first_try(self) -> bool:
        """The API was not asked before."""
        return not self._ever_listed and not self._misses

    def begins(self) -> None:
        """The API is asked for a list."""
        self._is_listed = False

    def listed(self) -> None:
        """It has given one."""
        self._is_listed = self._ever_listed = True
        self._misses = 0
        if self._silence_told:
            self._silence_told = False
            _log.info("endpoints.told_again", **self._facts)

    def watched(self) -> None:
        """A watch lasted, or told something and came to its end as it should."""
        self._cuts = 0
        if self._cuts_told:
            self._cuts_told = False
            _log.info("endpoints.watch_holds", **self._facts)

    def met(self, problem: str) -> None:
        """Something went wrong.

        Args:
            problem: For people; empty: nobody need know.
        """
        if self._is_listed:
            self._cut(problem)
        else:
            self._missed(problem)

    def found_by_name(self, number: int) -> None:
        """So many endpoints are known by the service's name, while the API has told none."""
        if not self._name_told:
            self._name_told = True
            _log.warning("endpoints.by_name", endpoints=number, **self._facts)

    def pause(self, draw: float) -> float:
        """Seconds until all is asked anew.

        Args:
            draw: Uniform in [0, 1).
        """
        if self._is_listed:
            return pause(self._cuts, draw, longest=LONGEST_REST)
        return pause(self._misses, draw)

    def _missed(self, problem: str) -> None:
        self._misses += 1
        if problem and not self._silence_told:
            self._silence_told = True
            _log.warning("endpoints.not_told", problem=problem, **self._facts)

    def _cut(self, problem: str) -> None:
        self._cuts += 1
        if problem and self._cuts >= CUTS and not self._cuts_told:
            self._cuts_told = True
            _log.warning("endpoints.watch_cut", problem=problem, **self._facts)
