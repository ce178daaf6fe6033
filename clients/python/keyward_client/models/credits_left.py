from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CreditsLeft")


@_attrs_define
class CreditsLeft:
    """The rest of a budget.

    Attributes:
        credits_ (int): Credits of the current period, with those that were carried over.
        remaining (int): Credits that no node has taken.
        resets_in_seconds (int | None): Seconds until the refill, if any.
    """

    credits_: int
    remaining: int
    resets_in_seconds: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        credits_ = self.credits_

        remaining = self.remaining

        resets_in_seconds: int | None
        resets_in_seconds = self.resets_in_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "credits": credits_,
                "remaining": remaining,
                "resets_in_seconds": resets_in_seconds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        credits_ = d.pop("credits")

        remaining = d.pop("remaining")

        def _parse_resets_in_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        resets_in_seconds = _parse_resets_in_seconds(d.pop("resets_in_seconds"))

        credits_left = cls(
            credits_=credits_,
            remaining=remaining,
            resets_in_seconds=resets_in_seconds,
        )

        credits_left.additional_properties = d
        return credits_left

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
