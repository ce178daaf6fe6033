from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ResetPassword")


@_attrs_define
class ResetPassword:
    """A new password, with a reset link.

    Attributes:
        password (str): New password.
        reset (str): Secret of the link.
    """

    password: str = _attrs_field(repr=False)
    reset: str

    def to_dict(self) -> dict[str, Any]:
        password = self.password

        reset = self.reset

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "password": password,
                "reset": reset,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        password = d.pop("password")

        reset = d.pop("reset")

        reset_password = cls(
            password=password,
            reset=reset,
        )

        return reset_password
