from enum import StrEnum


class RevocationReason(StrEnum):
    AFFILIATION_CHANGED = "affiliation_changed"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    KEY_COMPROMISE = "key_compromise"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"
    SUPERSEDED = "superseded"
    UNSPECIFIED = "unspecified"

    def __str__(self) -> str:
        return str(self.value)
