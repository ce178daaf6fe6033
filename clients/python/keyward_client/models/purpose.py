from enum import StrEnum


class Purpose(StrEnum):
    API = "api"
    MANAGEMENT = "management"

    def __str__(self) -> str:
        return str(self.value)
