from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.mode import Mode
from ..models.valid_key_kind import ValidKeyKind
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.spent_limits import SpentLimits
    from ..models.valid_key_metadata import ValidKeyMetadata


T = TypeVar("T", bound="ValidKey")


@_attrs_define
class ValidKey:
    """The key is valid.

    Attributes:
        account (str): Id of the account.
        expires_at (datetime.datetime | None): Expiry time, if any.
        key_id (str): Id of the key or access token.
        kind (ValidKeyKind): Kind of the credential.
        metadata (ValidKeyMetadata): Metadata of the provider.
        mode (Mode): The mode of a key.
        plan (None | str): Plan of the account, if any.
        scopes (list[str]): Granted scopes.
        tags (list[str]): Tags of the key, in order.
        user (None | str): Id of the user of an access token, or of the user that a key belongs to.
        valid (bool): Always true.
        limits (SpentLimits | Unset): What is left of the limits, unless the cost is 0.
    """

    account: str
    expires_at: datetime.datetime | None
    key_id: str
    kind: ValidKeyKind
    metadata: ValidKeyMetadata
    mode: Mode
    plan: None | str
    scopes: list[str]
    tags: list[str]
    user: None | str
    valid: bool
    limits: SpentLimits | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account = self.account

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        key_id = self.key_id

        kind = self.kind.value

        metadata = self.metadata.to_dict()

        mode = self.mode.value

        plan: None | str
        plan = self.plan

        scopes = self.scopes

        tags = self.tags

        user: None | str
        user = self.user

        valid = self.valid

        limits: dict[str, Any] | Unset = UNSET
        if not isinstance(self.limits, Unset):
            limits = self.limits.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "expires_at": expires_at,
                "key_id": key_id,
                "kind": kind,
                "metadata": metadata,
                "mode": mode,
                "plan": plan,
                "scopes": scopes,
                "tags": tags,
                "user": user,
                "valid": valid,
            }
        )
        if limits is not UNSET:
            field_dict["limits"] = limits

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.spent_limits import SpentLimits
        from ..models.valid_key_metadata import ValidKeyMetadata

        d = dict(src_dict)
        account = d.pop("account")

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

        key_id = d.pop("key_id")

        kind = ValidKeyKind(d.pop("kind"))

        metadata = ValidKeyMetadata.from_dict(d.pop("metadata"))

        mode = Mode(d.pop("mode"))

        def _parse_plan(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan = _parse_plan(d.pop("plan"))

        scopes = cast(list[str], d.pop("scopes"))

        tags = cast(list[str], d.pop("tags"))

        def _parse_user(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        user = _parse_user(d.pop("user"))

        valid = d.pop("valid")

        _limits = d.pop("limits", UNSET)
        limits: SpentLimits | Unset
        if isinstance(_limits, Unset):
            limits = UNSET
        else:
            limits = SpentLimits.from_dict(_limits)

        valid_key = cls(
            account=account,
            expires_at=expires_at,
            key_id=key_id,
            kind=kind,
            metadata=metadata,
            mode=mode,
            plan=plan,
            scopes=scopes,
            tags=tags,
            user=user,
            valid=valid,
            limits=limits,
        )

        valid_key.additional_properties = d
        return valid_key

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
