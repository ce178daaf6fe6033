from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Tokens")


@_attrs_define
class Tokens:
    """New tokens. Only this answer contains them.

    Attributes:
        access_token (str): A secret. Only this body contains it.
        account (str): The default account for requests that use the token.
        expires_at (datetime.datetime): Expiry time of the access token.
        refresh_expires_at (datetime.datetime): Expiry time of the refresh token.
        refresh_token (str): A secret. Only this body contains it.
        token_type (str): Always `Bearer`.
        user (str): The user who signed in.
    """

    access_token: str = _attrs_field(repr=False)
    account: str
    expires_at: datetime.datetime
    refresh_expires_at: datetime.datetime
    refresh_token: str = _attrs_field(repr=False)
    token_type: str
    user: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        access_token = self.access_token

        account = self.account

        expires_at = self.expires_at.isoformat()

        refresh_expires_at = self.refresh_expires_at.isoformat()

        refresh_token = self.refresh_token

        token_type = self.token_type

        user = self.user

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "access_token": access_token,
                "account": account,
                "expires_at": expires_at,
                "refresh_expires_at": refresh_expires_at,
                "refresh_token": refresh_token,
                "token_type": token_type,
                "user": user,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        access_token = d.pop("access_token")

        account = d.pop("account")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        refresh_expires_at = datetime.datetime.fromisoformat(
            d.pop("refresh_expires_at")
        )

        refresh_token = d.pop("refresh_token")

        token_type = d.pop("token_type")

        user = d.pop("user")

        tokens = cls(
            access_token=access_token,
            account=account,
            expires_at=expires_at,
            refresh_expires_at=refresh_expires_at,
            refresh_token=refresh_token,
            token_type=token_type,
            user=user,
        )

        tokens.additional_properties = d
        return tokens

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
