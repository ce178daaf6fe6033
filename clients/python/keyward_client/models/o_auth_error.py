from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.error_code import ErrorCode
from ..models.o_auth_error_error import OAuthErrorError

T = TypeVar("T", bound="OAuthError")


@_attrs_define
class OAuthError:
    """An error of OAuth 2.0 (RFC 6749).

    Attributes:
        code (ErrorCode | str): Stable code for programs, as in other errors.
        error (OAuthErrorError): Code of the standard.
        error_description (str): Explanation for people. It may change.
        request_id (str): Id of the request.
    """

    code: ErrorCode | str
    error: OAuthErrorError
    error_description: str
    request_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        code: str
        if isinstance(self.code, ErrorCode):
            code = self.code.value
        else:
            code = self.code

        error = self.error.value

        error_description = self.error_description

        request_id = self.request_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "error": error,
                "error_description": error_description,
                "request_id": request_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
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

        error = OAuthErrorError(d.pop("error"))

        error_description = d.pop("error_description")

        request_id = d.pop("request_id")

        o_auth_error = cls(
            code=code,
            error=error,
            error_description=error_description,
            request_id=request_id,
        )

        o_auth_error.additional_properties = d
        return o_auth_error

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
