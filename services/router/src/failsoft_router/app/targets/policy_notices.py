"""Says where the router is looked after that another policy is in force, or a newer one refused."""

from failsoft_router.app.targets.reload import Standing
from failsoft_router.core.errors import PolicyRefused
from failsoft_router.ports import Notice, NoticeBoard


class PolicyNotices:
    """Hears how the policy stands, and posts a notice when that has changed.

    What it hears first is what the router began with, and no news.
    """

    def __init__(self, board: NoticeBoard) -> None:
        self._board = board
        self._last: Standing | None = None

    def hear(self, standing: Standing) -> None:
        """This is how it stands now; heard again, it is no news either."""
        last, self._last = self._last, standing
        if last is not None and standing != last:
            self._board.post(_notice(standing))


def _notice(standing: Standing) -> Notice:
    if standing.refused is None:
        return Notice(reason="PolicyLoaded", message=str(standing), is_trouble=False)
    mistakes = _mistakes(standing.refused)
    return Notice(reason="PolicyRefused", message=f"{standing}: {mistakes}", is_trouble=True)


def _mistakes(refused: PolicyRefused) -> str:
    told = (f"{each.field} {each.description}".strip() for each in refused.violations)
    return "; ".join(told)
