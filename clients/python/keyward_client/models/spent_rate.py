from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="SpentRate")


@_attrs_define
class SpentRate:
    """What is left of a rate.

    Attributes:
        name (str): Name.
        quota (int): Units of a window.
        remaining (int): Units left.
        reset_seconds (int): Seconds until the whole quota is back.
        window_seconds (int): Length of the window.
    """

    name: str
    quota: int
    remaining: int
    reset_seconds: int
    window_seconds: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        quota = self.quota

        remaining = self.remaining

        reset_seconds = self.reset_seconds

        window_seconds = self.window_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "quota": quota,
                "remaining": remaining,
                "reset_seconds": reset_seconds,
                "window_seconds": window_seconds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        quota = d.pop("quota")

        remaining = d.pop("remaining")

        reset_seconds = d.pop("reset_seconds")

        window_seconds = d.pop("window_seconds")

        spent_rate = cls(
            name=name,
            quota=quota,
            remaining=remaining,
            reset_seconds=reset_seconds,
            window_seconds=window_seconds,
        )

        spent_rate.additional_properties = d
        return spent_rate

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
