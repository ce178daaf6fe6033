from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.rate_per import RatePer
from ..types import UNSET, Unset

T = TypeVar("T", bound="Rate")


@_attrs_define
class Rate:
    """A rate limit.

    Attributes:
        name (str): Name, by which a service selects it. Example: default.
        quota (int): Units of a window.
        window_seconds (int): Length of the window in seconds.
        per (RatePer | Unset): The holder of a rate's quota.
        strict (bool | Unset): Whether no window admits more than the quota, wherever it begins. Otherwise, one window
            can admit twice the quota.
    """

    name: str
    quota: int
    window_seconds: int
    per: RatePer | Unset = UNSET
    strict: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        quota = self.quota

        window_seconds = self.window_seconds

        per: str | Unset = UNSET
        if not isinstance(self.per, Unset):
            per = self.per.value

        strict = self.strict

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "quota": quota,
                "window_seconds": window_seconds,
            }
        )
        if per is not UNSET:
            field_dict["per"] = per
        if strict is not UNSET:
            field_dict["strict"] = strict

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        quota = d.pop("quota")

        window_seconds = d.pop("window_seconds")

        _per = d.pop("per", UNSET)
        per: RatePer | Unset
        if isinstance(_per, Unset):
            per = UNSET
        else:
            per = RatePer(_per)

        strict = d.pop("strict", UNSET)

        rate = cls(
            name=name,
            quota=quota,
            window_seconds=window_seconds,
            per=per,
            strict=strict,
        )

        return rate
