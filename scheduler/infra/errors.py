"""Errors that a caller can act on: a slug, a sentence and a class that decides the HTTP status."""


class Problem(Exception):
    sentence: str = "Something went wrong."

    slug = "problem"

    def __init__(self, sentence: str | None = None, *, field: str | None = None) -> None:
        self.sentence = sentence or type(self).sentence
        self.field = field
        super().__init__(self.sentence)


class NotFound(Problem):
    sentence = "This does not exist, or you may not see it."

    slug = "not-found"


class NotAllowed(Problem):
    sentence = "You do not have permission to do this."

    slug = "not-allowed"


class Conflict(Problem):
    sentence = "This has just been changed. Please load it again."

    slug = "conflict"


class Stale(Conflict):
    sentence = "This has changed since you read it. Read it again, then send your change."

    slug = "stale"


class Invalid(Problem):
    sentence = "This value is not valid."

    slug = "unfit"


class TooMany(Problem):
    sentence = "That was too many attempts. Please wait a minute."

    slug = "too-many"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 60) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(Problem):
    sentence = (
        "Our records cannot be reached at the moment. Nothing was changed. Please try again soon."
    )

    slug = "unavailable"


class Misconfigured(Problem):
    sentence = "The program is not configured correctly."

    slug = "misconfigured"
