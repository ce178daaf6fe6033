from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SignOut")


@_attrs_define
class SignOut:
    """The extent of signing out.

    Attributes:
        everywhere (bool | Unset): Whether to end every session and token of the user, instead of those of this sign-in.
    """

    everywhere: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        everywhere = self.everywhere

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if everywhere is not UNSET:
            field_dict["everywhere"] = everywhere

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        everywhere = d.pop("everywhere", UNSET)

        sign_out = cls(
            everywhere=everywhere,
        )

        return sign_out
