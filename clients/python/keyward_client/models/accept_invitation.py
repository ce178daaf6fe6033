from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AcceptInvitation")


@_attrs_define
class AcceptInvitation:
    """The acceptance of an invitation by a new user.

    Attributes:
        invitation (str): Secret of the link.
        name (str): Display name.
        password (str): New password.
    """

    invitation: str
    name: str
    password: str = _attrs_field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        invitation = self.invitation

        name = self.name

        password = self.password

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "invitation": invitation,
                "name": name,
                "password": password,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        invitation = d.pop("invitation")

        name = d.pop("name")

        password = d.pop("password")

        accept_invitation = cls(
            invitation=invitation,
            name=name,
            password=password,
        )

        return accept_invitation
