from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Effective")


@_attrs_define
class Effective:
    """How a change reached every node.

    Attributes:
        confirmed (int): Number of nodes that confirmed the change.
        took_ms (int): Duration in milliseconds.
        waited_out (int): Number of nodes whose lease was waited out.
    """

    confirmed: int
    took_ms: int
    waited_out: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        confirmed = self.confirmed

        took_ms = self.took_ms

        waited_out = self.waited_out

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "confirmed": confirmed,
                "took_ms": took_ms,
                "waited_out": waited_out,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        confirmed = d.pop("confirmed")

        took_ms = d.pop("took_ms")

        waited_out = d.pop("waited_out")

        effective = cls(
            confirmed=confirmed,
            took_ms=took_ms,
            waited_out=waited_out,
        )

        effective.additional_properties = d
        return effective

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
