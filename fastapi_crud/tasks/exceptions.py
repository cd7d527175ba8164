"""What a task may raise to say how it ended."""


class Retry(Exception):
    """Try this job again later; its other errors are tried again as well, by its policy.

    Args:
        message: Why, for the list of jobs.
        after: Seconds until then; by the policy of the task unless given.
    """

    def __init__(
        self, message: str = "asked for another attempt", *, after: float | None = None
    ) -> None:
        super().__init__(message)
        self.after = after


class Permanent(Exception):
    """This job can never succeed: it is dead at once, and kept for somebody to look at."""


class LeaseLost(Exception):
    """Another worker has taken the job over; what this one did is rolled back."""
