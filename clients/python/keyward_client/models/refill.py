from enum import StrEnum


class Refill(StrEnum):
    DAY = "day"
    MONTH = "month"
    NEVER = "never"
    WEEK = "week"

    def __str__(self) -> str:
        return str(self.value)
