from enum import StrEnum


class KeyKind(StrEnum):
    PUBLISHABLE = "publishable"
    RESTRICTED = "restricted"
    SECRET = "secret"

    def __str__(self) -> str:
        return str(self.value)
