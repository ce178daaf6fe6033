from enum import StrEnum


class OAuthErrorError(StrEnum):
    ACCESS_DENIED = "access_denied"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INVALID_CLIENT = "invalid_client"
    INVALID_REQUEST = "invalid_request"
    INVALID_TOKEN = "invalid_token"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"

    def __str__(self) -> str:
        return str(self.value)
