from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.role import Role

if TYPE_CHECKING:
    from ..models.effective_lifetimes import EffectiveLifetimes


T = TypeVar("T", bound="Account")


@_attrs_define
class Account:
    """An account, and the caller's role in it.

    Attributes:
        created_at (datetime.datetime): Creation time.
        features (list[str]): Additional features.
        id (str): Id.
        lifetimes (EffectiveLifetimes | None):
        name (str): Display name.
        plan (None | str): Plan, if any.
        requires_second_factor (bool | None): Whether members need a second factor. Null in lists.
        role (None | Role):
        suspended_at (datetime.datetime | None): Time of the suspension, if suspended.
        version (int): Version, for updates. Each change increments it.
    """

    created_at: datetime.datetime
    features: list[str]
    id: str
    lifetimes: EffectiveLifetimes | None
    name: str
    plan: None | str
    requires_second_factor: bool | None
    role: None | Role
    suspended_at: datetime.datetime | None
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.effective_lifetimes import EffectiveLifetimes

        created_at = self.created_at.isoformat()

        features = self.features

        id = self.id

        lifetimes: dict[str, Any] | None
        if isinstance(self.lifetimes, EffectiveLifetimes):
            lifetimes = self.lifetimes.to_dict()
        else:
            lifetimes = self.lifetimes

        name = self.name

        plan: None | str
        plan = self.plan

        requires_second_factor: bool | None
        requires_second_factor = self.requires_second_factor

        role: None | str
        if isinstance(self.role, Role):
            role = self.role.value
        else:
            role = self.role

        suspended_at: None | str
        if isinstance(self.suspended_at, datetime.datetime):
            suspended_at = self.suspended_at.isoformat()
        else:
            suspended_at = self.suspended_at

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "features": features,
                "id": id,
                "lifetimes": lifetimes,
                "name": name,
                "plan": plan,
                "requires_second_factor": requires_second_factor,
                "role": role,
                "suspended_at": suspended_at,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.effective_lifetimes import EffectiveLifetimes

        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        features = cast(list[str], d.pop("features"))

        id = d.pop("id")

        def _parse_lifetimes(data: object) -> EffectiveLifetimes | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                lifetimes_type_0 = EffectiveLifetimes.from_dict(data)

                return lifetimes_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EffectiveLifetimes | None, data)

        lifetimes = _parse_lifetimes(d.pop("lifetimes"))

        name = d.pop("name")

        def _parse_plan(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan = _parse_plan(d.pop("plan"))

        def _parse_requires_second_factor(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        requires_second_factor = _parse_requires_second_factor(
            d.pop("requires_second_factor")
        )

        def _parse_role(data: object) -> None | Role:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                role_type_0 = Role(data)

                return role_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Role, data)

        role = _parse_role(d.pop("role"))

        def _parse_suspended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                suspended_at_type_0 = datetime.datetime.fromisoformat(data)

                return suspended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        suspended_at = _parse_suspended_at(d.pop("suspended_at"))

        version = d.pop("version")

        account = cls(
            created_at=created_at,
            features=features,
            id=id,
            lifetimes=lifetimes,
            name=name,
            plan=plan,
            requires_second_factor=requires_second_factor,
            role=role,
            suspended_at=suspended_at,
            version=version,
        )

        account.additional_properties = d
        return account

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
