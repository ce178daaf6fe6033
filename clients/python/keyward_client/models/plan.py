from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Plan")


@_attrs_define
class Plan:
    """A plan.

    Attributes:
        description (str): Description for people.
        key_limit (int | None): Maximum number of active keys of an account. Null means the server's default.
        name (str): Name, which identities carry.
        scopes (list[str] | None): Scopes that API keys of an account may get. Null means any. Example:
            ['resources:read'].
        version (int): Version, for updates. Each change increments it.
    """

    description: str
    key_limit: int | None
    name: str
    scopes: list[str] | None
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        description = self.description

        key_limit: int | None
        key_limit = self.key_limit

        name = self.name

        scopes: list[str] | None
        if isinstance(self.scopes, list):
            scopes = self.scopes

        else:
            scopes = self.scopes

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "description": description,
                "key_limit": key_limit,
                "name": name,
                "scopes": scopes,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        description = d.pop("description")

        def _parse_key_limit(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        key_limit = _parse_key_limit(d.pop("key_limit"))

        name = d.pop("name")

        def _parse_scopes(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                scopes_type_0 = cast(list[str], data)

                return scopes_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        scopes = _parse_scopes(d.pop("scopes"))

        version = d.pop("version")

        plan = cls(
            description=description,
            key_limit=key_limit,
            name=name,
            scopes=scopes,
            version=version,
        )

        plan.additional_properties = d
        return plan

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
