from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="RotateKey")


@_attrs_define
class RotateKey:
    """The overlap of a rotation.

    Attributes:
        overlap_seconds (int): Seconds during which both keys work. 0 ends the old key at once. An earlier expiry of the
            old key stays.
    """

    overlap_seconds: int

    def to_dict(self) -> dict[str, Any]:
        overlap_seconds = self.overlap_seconds

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "overlap_seconds": overlap_seconds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        overlap_seconds = d.pop("overlap_seconds")

        rotate_key = cls(
            overlap_seconds=overlap_seconds,
        )

        return rotate_key
