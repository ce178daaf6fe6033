from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="RotationPreview")


@_attrs_define
class RotationPreview:
    """The effect that a rotation of a key would have now.

    Attributes:
        expires_at (datetime.datetime | None): Expiry of the successor, unless the rotation chooses another. Null means
            never.
        latest_expires_at (datetime.datetime | None): The latest expiry that a rotation by this caller can choose. Null
            means that it can choose never.
    """

    expires_at: datetime.datetime | None
    latest_expires_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        latest_expires_at: None | str
        if isinstance(self.latest_expires_at, datetime.datetime):
            latest_expires_at = self.latest_expires_at.isoformat()
        else:
            latest_expires_at = self.latest_expires_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "expires_at": expires_at,
                "latest_expires_at": latest_expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        def _parse_latest_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                latest_expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return latest_expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        latest_expires_at = _parse_latest_expires_at(d.pop("latest_expires_at"))

        rotation_preview = cls(
            expires_at=expires_at,
            latest_expires_at=latest_expires_at,
        )

        rotation_preview.additional_properties = d
        return rotation_preview

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
