"""How much may be done for one schema, and what is raised where it is not enough."""

from failsoft_router.core.mock.refusal import CannotMock


class Unfit(CannotMock):
    """Nothing fits this part of the schema, or nothing that we can make; another may do."""


class Impossible(Unfit):
    """Nothing at all fits this part of the schema."""


class TooMuch(CannotMock):
    """The schema asks for more work than a mock is worth."""


class Work:
    """A budget of steps; one is about as long as it takes to make a number."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """
        Raises:
            TooMuch: The budget is spent.
        """
        self._left -= steps
        if self._left < 0:
            raise TooMuch("the schema asks for too much")
