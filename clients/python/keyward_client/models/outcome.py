from enum import StrEnum


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)
