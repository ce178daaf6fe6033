from enum import StrEnum


class WebhookState(StrEnum):
    ACCOUNT_SUSPENDED = "account_suspended"
    ACTIVE = "active"
    DISABLED = "disabled"
    FAILING = "failing"
    KEY_INACTIVE = "key_inactive"

    def __str__(self) -> str:
        return str(self.value)
