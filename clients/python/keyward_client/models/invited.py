from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.role import Role

if TYPE_CHECKING:
    from ..models.actor import Actor


T = TypeVar("T", bound="Invited")


@_attrs_define
class Invited:
    """An invitation, with its link unless the server mails it.

    Attributes:
        account (str): Account.
        account_name (str): Display name of the account.
        created_at (datetime.datetime): Creation time.
        email (str): Invited address, in lower case.
        ends_at (datetime.datetime): Expiry time.
        id (str): Id. It is not secret: without the address it accepts nothing.
        invited_by (Actor): The actor of an audit entry, or the creator of a key.
        role (Role): The role of a user in an account.
        invitation (str): A secret. Only this body contains it.
    """

    account: str
    account_name: str
    created_at: datetime.datetime
    email: str
    ends_at: datetime.datetime
    id: str
    invited_by: Actor
    role: Role
    invitation: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account = self.account

        account_name = self.account_name

        created_at = self.created_at.isoformat()

        email = self.email

        ends_at = self.ends_at.isoformat()

        id = self.id

        invited_by = self.invited_by.to_dict()

        role = self.role.value

        invitation = self.invitation

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "account_name": account_name,
                "created_at": created_at,
                "email": email,
                "ends_at": ends_at,
                "id": id,
                "invited_by": invited_by,
                "role": role,
                "invitation": invitation,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.actor import Actor

        d = dict(src_dict)
        account = d.pop("account")

        account_name = d.pop("account_name")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        email = d.pop("email")

        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))

        id = d.pop("id")

        invited_by = Actor.from_dict(d.pop("invited_by"))

        role = Role(d.pop("role"))

        invitation = d.pop("invitation")

        invited = cls(
            account=account,
            account_name=account_name,
            created_at=created_at,
            email=email,
            ends_at=ends_at,
            id=id,
            invited_by=invited_by,
            role=role,
            invitation=invitation,
        )

        invited.additional_properties = d
        return invited

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
