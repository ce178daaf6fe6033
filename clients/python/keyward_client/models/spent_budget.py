from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="SpentBudget")


@_attrs_define
class SpentBudget:
    """What is left of a budget.

    Attributes:
        credits_ (int): Credits of the period.
        remaining (int): Credits left.
        reset_seconds (int | None): Seconds until the refill, if any.
    """

    credits_: int
    remaining: int
    reset_seconds: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        credits_ = self.credits_

        remaining = self.remaining

        reset_seconds: int | None
        reset_seconds = self.reset_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "credits": credits_,
                "remaining": remaining,
                "reset_seconds": reset_seconds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        credits_ = d.pop("credits")

        remaining = d.pop("remaining")

        def _parse_reset_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        reset_seconds = _parse_reset_seconds(d.pop("reset_seconds"))

        spent_budget = cls(
            credits_=credits_,
            remaining=remaining,
            reset_seconds=reset_seconds,
        )

        spent_budget.additional_properties = d
        return spent_budget

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
