from enum import StrEnum


class KeyStatus(StrEnum):
    ACTIVE = "active"
    COMPROMISED = "compromised"
    DISABLED = "disabled"
    EXPIRED = "expired"
    REVOKED = "revoked"

    def __str__(self) -> str:
        return str(self.value)
