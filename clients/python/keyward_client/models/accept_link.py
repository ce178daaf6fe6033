from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="AcceptLink")


@_attrs_define
class AcceptLink:
    """The link of an invitation.

    Attributes:
        invitation (str): Secret of the link.
    """

    invitation: str

    def to_dict(self) -> dict[str, Any]:
        invitation = self.invitation

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "invitation": invitation,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        invitation = d.pop("invitation")

        accept_link = cls(
            invitation=invitation,
        )

        return accept_link
