from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="UpdateAccount")


@_attrs_define
class UpdateAccount:
    """Changes to an account. Omitted fields stay.

    Attributes:
        features (list[str] | None | Unset): New features. For the operator.
        name (None | str | Unset): New name.
        plan (None | str | Unset): New plan, or null for none. For the operator.
        requires_second_factor (bool | None | Unset): Whether members need a second factor. For owners, with an access
            token.
        suspended (bool | None | Unset): Whether all keys of the account are refused. For the operator.
    """

    features: list[str] | None | Unset = UNSET
    name: None | str | Unset = UNSET
    plan: None | str | Unset = UNSET
    requires_second_factor: bool | None | Unset = UNSET
    suspended: bool | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        features: list[str] | None | Unset
        if isinstance(self.features, Unset):
            features = UNSET
        elif isinstance(self.features, list):
            features = self.features

        else:
            features = self.features

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        plan: None | str | Unset
        if isinstance(self.plan, Unset):
            plan = UNSET
        else:
            plan = self.plan

        requires_second_factor: bool | None | Unset
        if isinstance(self.requires_second_factor, Unset):
            requires_second_factor = UNSET
        else:
            requires_second_factor = self.requires_second_factor

        suspended: bool | None | Unset
        if isinstance(self.suspended, Unset):
            suspended = UNSET
        else:
            suspended = self.suspended

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if features is not UNSET:
            field_dict["features"] = features
        if name is not UNSET:
            field_dict["name"] = name
        if plan is not UNSET:
            field_dict["plan"] = plan
        if requires_second_factor is not UNSET:
            field_dict["requires_second_factor"] = requires_second_factor
        if suspended is not UNSET:
            field_dict["suspended"] = suspended

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_features(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                features_type_0 = cast(list[str], data)

                return features_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        features = _parse_features(d.pop("features", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_plan(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        plan = _parse_plan(d.pop("plan", UNSET))

        def _parse_requires_second_factor(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        requires_second_factor = _parse_requires_second_factor(
            d.pop("requires_second_factor", UNSET)
        )

        def _parse_suspended(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        suspended = _parse_suspended(d.pop("suspended", UNSET))

        update_account = cls(
            features=features,
            name=name,
            plan=plan,
            requires_second_factor=requires_second_factor,
            suspended=suspended,
        )

        return update_account
