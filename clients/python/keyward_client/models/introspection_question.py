from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="IntrospectionQuestion")


@_attrs_define
class IntrospectionQuestion:
    """A key, and the request that presented it.

    Attributes:
        token (str): The key.
        client_id (str | Unset): Ignored. Some clients send it with `client_secret`.
        client_ip (str | Unset): Address of the client. Without it, keys that are confined to networks are inactive.
        client_secret (str | Unset): The caller's key, if the request has no `Authorization`.
        method (str | Unset): Method of the request. Without it, publishable keys are inactive.
        path (str | Unset): Path of the request. Without it, keys that are confined to endpoints are inactive.
        token_type_hint (str | Unset): Ignored.
    """

    token: str
    client_id: str | Unset = UNSET
    client_ip: str | Unset = UNSET
    client_secret: str | Unset = UNSET
    method: str | Unset = UNSET
    path: str | Unset = UNSET
    token_type_hint: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        token = self.token

        client_id = self.client_id

        client_ip = self.client_ip

        client_secret = self.client_secret

        method = self.method

        path = self.path

        token_type_hint = self.token_type_hint

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "token": token,
            }
        )
        if client_id is not UNSET:
            field_dict["client_id"] = client_id
        if client_ip is not UNSET:
            field_dict["client_ip"] = client_ip
        if client_secret is not UNSET:
            field_dict["client_secret"] = client_secret
        if method is not UNSET:
            field_dict["method"] = method
        if path is not UNSET:
            field_dict["path"] = path
        if token_type_hint is not UNSET:
            field_dict["token_type_hint"] = token_type_hint

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        token = d.pop("token")

        client_id = d.pop("client_id", UNSET)

        client_ip = d.pop("client_ip", UNSET)

        client_secret = d.pop("client_secret", UNSET)

        method = d.pop("method", UNSET)

        path = d.pop("path", UNSET)

        token_type_hint = d.pop("token_type_hint", UNSET)

        introspection_question = cls(
            token=token,
            client_id=client_id,
            client_ip=client_ip,
            client_secret=client_secret,
            method=method,
            path=path,
            token_type_hint=token_type_hint,
        )

        introspection_question.additional_properties = d
        return introspection_question

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
