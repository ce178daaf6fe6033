from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.refill import Refill
from ..types import UNSET, Unset

T = TypeVar("T", bound="Budget")


@_attrs_define
class Budget:
    """A budget of credits.

    Attributes:
        credits_ (int): Credits of one period.
        refill (Refill | Unset): When a budget is refilled, at midnight UTC.
        rollover (int | Unset): The most unspent credits that the next period gets in addition. Defaults to 0.
    """

    credits_: int
    refill: Refill | Unset = UNSET
    rollover: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        credits_ = self.credits_

        refill: str | Unset = UNSET
        if not isinstance(self.refill, Unset):
            refill = self.refill.value

        rollover = self.rollover

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credits": credits_,
            }
        )
        if refill is not UNSET:
            field_dict["refill"] = refill
        if rollover is not UNSET:
            field_dict["rollover"] = rollover

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        credits_ = d.pop("credits")

        _refill = d.pop("refill", UNSET)
        refill: Refill | Unset
        if isinstance(_refill, Unset):
            refill = UNSET
        else:
            refill = Refill(_refill)

        rollover = d.pop("rollover", UNSET)

        budget = cls(
            credits_=credits_,
            refill=refill,
            rollover=rollover,
        )

        return budget
