from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PutPlan")


@_attrs_define
class PutPlan:
    """The new values of a plan.

    Attributes:
        description (str | Unset): Description for people.
        key_limit (int | None | Unset): Maximum number of active keys of an account. Null means the server's default.
        scopes (list[str] | None | Unset): Scopes that API keys of an account may get. Null means any. Example:
            ['resources:read'].
    """

    description: str | Unset = UNSET
    key_limit: int | None | Unset = UNSET
    scopes: list[str] | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        description = self.description

        key_limit: int | None | Unset
        if isinstance(self.key_limit, Unset):
            key_limit = UNSET
        else:
            key_limit = self.key_limit

        scopes: list[str] | None | Unset
        if isinstance(self.scopes, Unset):
            scopes = UNSET
        elif isinstance(self.scopes, list):
            scopes = self.scopes

        else:
            scopes = self.scopes

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if description is not UNSET:
            field_dict["description"] = description
        if key_limit is not UNSET:
            field_dict["key_limit"] = key_limit
        if scopes is not UNSET:
            field_dict["scopes"] = scopes

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        description = d.pop("description", UNSET)

        def _parse_key_limit(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        key_limit = _parse_key_limit(d.pop("key_limit", UNSET))

        def _parse_scopes(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                scopes_type_0 = cast(list[str], data)

                return scopes_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        scopes = _parse_scopes(d.pop("scopes", UNSET))

        put_plan = cls(
            description=description,
            key_limit=key_limit,
            scopes=scopes,
        )

        return put_plan
