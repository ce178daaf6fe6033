from enum import StrEnum


class RatePer(StrEnum):
    ACCOUNT = "account"
    KEY = "key"

    def __str__(self) -> str:
        return str(self.value)
