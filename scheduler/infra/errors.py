"""Error types. The API and the pages turn the type into a status code and show the sentence."""


class Problem(Exception):
    sentence: str = "Something went wrong."

    slug = "problem"

    def __init__(self, sentence: str | None = None, *, field: str | None = None) -> None:
        self.sentence = sentence or type(self).sentence
        self.field = field
        super().__init__(self.sentence)


class NotFound(Problem):
    sentence = "There is nothing here by that name, or it is not yours to see."

    slug = "not-found"


class NotAllowed(Problem):
    sentence = "You may not do this."

    slug = "not-allowed"


class Conflict(Problem):
    sentence = "Something has changed in the meantime. Please look again."

    slug = "conflict"


class Stale(Conflict):
    sentence = "Someone has changed this since you read it. Please read it again."

    slug = "stale"


class Invalid(Problem):
    sentence = "This cannot be taken as it is."

    slug = "unfit"


class TooMany(Problem):
    sentence = "That was too often. Please wait a little."

    slug = "too-many"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 60) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(Problem):
    sentence = (
        "We could not reach our records just now. Nothing was lost; please try again in a moment."
    )

    slug = "unavailable"


class Misconfigured(Problem):
    sentence = "The program is not set up."

    slug = "misconfigured"
