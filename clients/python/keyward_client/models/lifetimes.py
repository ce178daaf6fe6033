from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.effective_lifetimes import EffectiveLifetimes


T = TypeVar("T", bound="Lifetimes")


@_attrs_define
class Lifetimes:
    """The lifetimes that a plan or an account sets.

    Attributes:
        default_seconds (int | None): Lifetime of a key without a requested expiry, if set here.
        effective (EffectiveLifetimes): The lifetimes that hold for new keys.
        maximum_seconds (int | None): The longest lifetime of a key, if set here.
        version (int): Version, for updates. 0 if nothing was set. Each change increments it.
    """

    default_seconds: int | None
    effective: EffectiveLifetimes
    maximum_seconds: int | None
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        default_seconds: int | None
        default_seconds = self.default_seconds

        effective = self.effective.to_dict()

        maximum_seconds: int | None
        maximum_seconds = self.maximum_seconds

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "default_seconds": default_seconds,
                "effective": effective,
                "maximum_seconds": maximum_seconds,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.effective_lifetimes import EffectiveLifetimes

        d = dict(src_dict)

        def _parse_default_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        default_seconds = _parse_default_seconds(d.pop("default_seconds"))

        effective = EffectiveLifetimes.from_dict(d.pop("effective"))

        def _parse_maximum_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        maximum_seconds = _parse_maximum_seconds(d.pop("maximum_seconds"))

        version = d.pop("version")

        lifetimes = cls(
            default_seconds=default_seconds,
            effective=effective,
            maximum_seconds=maximum_seconds,
            version=version,
        )

        lifetimes.additional_properties = d
        return lifetimes

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
