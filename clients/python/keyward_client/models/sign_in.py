from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="SignIn")


@_attrs_define
class SignIn:
    """A sign-in with a password.

    Attributes:
        email (str): E-mail address.
        password (str): Password.
    """

    email: str
    password: str = _attrs_field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        password = self.password

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "password": password,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        email = d.pop("email")

        password = d.pop("password")

        sign_in = cls(
            email=email,
            password=password,
        )

        return sign_in
