from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="UsageScope")


@_attrs_define
class UsageScope:
    """The requests on a day that required a scope, with one outcome.

    A request that required two scopes counts for both. One that lacked one of two counts for the missing one only.

        Attributes:
            day (datetime.datetime): Start of the day (UTC).
            outcome (str): `accepted` if the key had it, `insufficient_scope` if the request was refused because the key
                lacked it.
            scope (str): Required scope. `other` stands for those beyond the first 64 scopes of a key on a day, or 256 of an
                account.
            times (int): Number of requests.
    """

    day: datetime.datetime
    outcome: str
    scope: str
    times: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        day = self.day.isoformat()

        outcome = self.outcome

        scope = self.scope

        times = self.times

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "day": day,
                "outcome": outcome,
                "scope": scope,
                "times": times,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        day = datetime.datetime.fromisoformat(d.pop("day"))

        outcome = d.pop("outcome")

        scope = d.pop("scope")

        times = d.pop("times")

        usage_scope = cls(
            day=day,
            outcome=outcome,
            scope=scope,
            times=times,
        )

        usage_scope.additional_properties = d
        return usage_scope

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
