from enum import StrEnum


class IntrospectionKind(StrEnum):
    ACCESS_TOKEN = "access_token"
    PUBLISHABLE = "publishable"
    RESTRICTED = "restricted"
    SECRET = "secret"

    def __str__(self) -> str:
        return str(self.value)
