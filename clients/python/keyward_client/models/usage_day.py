from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="UsageDay")


@_attrs_define
class UsageDay:
    """The requests of a key on a day with one outcome.

    Attributes:
        day (datetime.datetime): Start of the day (UTC).
        key (str): Key.
        outcome (str): `accepted`, or the reason of a refusal, also by a guard or a limit.
        times (int): Number of requests.
    """

    day: datetime.datetime
    key: str = _attrs_field(repr=False)
    outcome: str
    times: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        day = self.day.isoformat()

        key = self.key

        outcome = self.outcome

        times = self.times

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "day": day,
                "key": key,
                "outcome": outcome,
                "times": times,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        day = datetime.datetime.fromisoformat(d.pop("day"))

        key = d.pop("key")

        outcome = d.pop("outcome")

        times = d.pop("times")

        usage_day = cls(
            day=day,
            key=key,
            outcome=outcome,
            times=times,
        )

        usage_day.additional_properties = d
        return usage_day

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
