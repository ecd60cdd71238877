"""Why a process refuses to start."""


class StartupError(Exception):
    """A refusal to start, in words for the operator who reads stderr."""

    def __init__(self, *problems: str) -> None:
        """
        Args:
            problems: One sentence each: what is wrong, where, and what to do. No secrets.
        """
        super().__init__("\n".join(problems))
        self.problems = problems
