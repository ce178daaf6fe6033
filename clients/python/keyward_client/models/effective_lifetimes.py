from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="EffectiveLifetimes")


@_attrs_define
class EffectiveLifetimes:
    """The lifetimes that hold for new keys.

    Attributes:
        default_seconds (int | None): Lifetime of a key without a requested expiry. Null if such a key never expires.
        maximum_seconds (int | None): The longest lifetime of a key. Null without a maximum.
    """

    default_seconds: int | None
    maximum_seconds: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        default_seconds: int | None
        default_seconds = self.default_seconds

        maximum_seconds: int | None
        maximum_seconds = self.maximum_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "default_seconds": default_seconds,
                "maximum_seconds": maximum_seconds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_default_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        default_seconds = _parse_default_seconds(d.pop("default_seconds"))

        def _parse_maximum_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        maximum_seconds = _parse_maximum_seconds(d.pop("maximum_seconds"))

        effective_lifetimes = cls(
            default_seconds=default_seconds,
            maximum_seconds=maximum_seconds,
        )

        effective_lifetimes.additional_properties = d
        return effective_lifetimes

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
