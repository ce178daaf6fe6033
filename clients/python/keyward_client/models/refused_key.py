from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.error_code import ErrorCode
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.refused_key_details import RefusedKeyDetails


T = TypeVar("T", bound="RefusedKey")


@_attrs_define
class RefusedKey:
    """The key is refused.

    Attributes:
        code (ErrorCode | str): Stable code for programs.
        message (str): Explanation for people. It may change.
        reason (str): Reason, finer than the code, as in logs and metrics.
        status (int): Status that a service would answer.
        valid (bool): Always false.
        details (RefusedKeyDetails | Unset): Facts about some refusals, for programs.
    """

    code: ErrorCode | str
    message: str
    reason: str
    status: int
    valid: bool
    details: RefusedKeyDetails | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        code: str
        if isinstance(self.code, ErrorCode):
            code = self.code.value
        else:
            code = self.code

        message = self.message

        reason = self.reason

        status = self.status

        valid = self.valid

        details: dict[str, Any] | Unset = UNSET
        if not isinstance(self.details, Unset):
            details = self.details.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "message": message,
                "reason": reason,
                "status": status,
                "valid": valid,
            }
        )
        if details is not UNSET:
            field_dict["details"] = details

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.refused_key_details import RefusedKeyDetails

        d = dict(src_dict)

        def _parse_code(data: object) -> ErrorCode | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                code_type_0 = ErrorCode(data)

                return code_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ErrorCode | str, data)

        code = _parse_code(d.pop("code"))

        message = d.pop("message")

        reason = d.pop("reason")

        status = d.pop("status")

        valid = d.pop("valid")

        _details = d.pop("details", UNSET)
        details: RefusedKeyDetails | Unset
        if isinstance(_details, Unset):
            details = UNSET
        else:
            details = RefusedKeyDetails.from_dict(_details)

        refused_key = cls(
            code=code,
            message=message,
            reason=reason,
            status=status,
            valid=valid,
            details=details,
        )

        refused_key.additional_properties = d
        return refused_key

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
