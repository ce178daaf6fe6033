from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PutLifetimes")


@_attrs_define
class PutLifetimes:
    """The lifetimes of new keys that a plan or an account sets. They replace those that were set. An empty object removes
    them.

        Attributes:
            default_seconds (int | None | Unset): Lifetime of a key without a requested expiry.
            maximum_seconds (int | None | Unset): The longest lifetime of a key.
    """

    default_seconds: int | None | Unset = UNSET
    maximum_seconds: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        default_seconds: int | None | Unset
        if isinstance(self.default_seconds, Unset):
            default_seconds = UNSET
        else:
            default_seconds = self.default_seconds

        maximum_seconds: int | None | Unset
        if isinstance(self.maximum_seconds, Unset):
            maximum_seconds = UNSET
        else:
            maximum_seconds = self.maximum_seconds

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if default_seconds is not UNSET:
            field_dict["default_seconds"] = default_seconds
        if maximum_seconds is not UNSET:
            field_dict["maximum_seconds"] = maximum_seconds

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_default_seconds(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        default_seconds = _parse_default_seconds(d.pop("default_seconds", UNSET))

        def _parse_maximum_seconds(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        maximum_seconds = _parse_maximum_seconds(d.pop("maximum_seconds", UNSET))

        put_lifetimes = cls(
            default_seconds=default_seconds,
            maximum_seconds=maximum_seconds,
        )

        return put_lifetimes
