"""What can go wrong: a name, a kind, a sentence. The kind becomes the status code at the door."""


class Problem(Exception):
    """Something went wrong."""

    slug = "problem"

    def __init__(self, sentence: str | None = None, *, field: str | None = None) -> None:
        self.sentence = sentence or (type(self).__doc__ or "").strip()
        self.field = field
        super().__init__(self.sentence)


class NotFound(Problem):
    """There is nothing here by that name, or it is not yours to see."""

    slug = "not-found"


class NotAllowed(Problem):
    """You may not do this."""

    slug = "not-allowed"


class Conflict(Problem):
    """Something has changed in the meantime. Please look again."""

    slug = "conflict"


class Stale(Conflict):
    """Someone has changed this since you read it. Please read it again."""

    slug = "stale"


class Unfit(Problem):
    """This cannot be taken as it is."""

    slug = "unfit"


class TooMany(Problem):
    """That was too often. Please wait a little."""

    slug = "too-many"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 60) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(Problem):
    """We could not reach our records just now. Nothing was lost; please try again in a moment."""

    slug = "unavailable"


class Misconfigured(Problem):
    """The program is not set up."""

    slug = "misconfigured"
