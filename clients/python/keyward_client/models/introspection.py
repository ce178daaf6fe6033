from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    Self,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.introspection_kind import IntrospectionKind
from ..models.mode import Mode
from ..types import UNSET, Unset

T = TypeVar("T", bound="Introspection")


@_attrs_define
class Introspection:
    """The answer (RFC 7662). An inactive key has no other member than `active`.

    Attributes:
        active (bool): Whether every request, or the stated one, may use the key.
        account (str | Unset): Id of the account.
        client_id (str | Unset): Id of the key or access token.
        exp (int | Unset): Expiry time in seconds since 1970, if any.
        iss (str | Unset): URL of this server, if it knows its public URL.
        kind (IntrospectionKind | Unset): Kind of the credential.
        mode (Mode | Unset): The mode of a key.
        plan (str | Unset): Plan of the account, if any.
        scope (str | Unset): Granted scopes, separated by spaces.
        sub (str | Unset): Id of the account of the key.
        token_type (Literal['Bearer'] | Unset): Always `Bearer`.
        user (str | Unset): Id of the user of the key, if any.
    """

    active: bool
    account: str | Unset = UNSET
    client_id: str | Unset = UNSET
    exp: int | Unset = UNSET
    iss: str | Unset = UNSET
    kind: IntrospectionKind | Unset = UNSET
    mode: Mode | Unset = UNSET
    plan: str | Unset = UNSET
    scope: str | Unset = UNSET
    sub: str | Unset = UNSET
    token_type: Literal["Bearer"] | Unset = UNSET
    user: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active = self.active

        account = self.account

        client_id = self.client_id

        exp = self.exp

        iss = self.iss

        kind: str | Unset = UNSET
        if not isinstance(self.kind, Unset):
            kind = self.kind.value

        mode: str | Unset = UNSET
        if not isinstance(self.mode, Unset):
            mode = self.mode.value

        plan = self.plan

        scope = self.scope

        sub = self.sub

        token_type = self.token_type

        user = self.user

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "active": active,
            }
        )
        if account is not UNSET:
            field_dict["account"] = account
        if client_id is not UNSET:
            field_dict["client_id"] = client_id
        if exp is not UNSET:
            field_dict["exp"] = exp
        if iss is not UNSET:
            field_dict["iss"] = iss
        if kind is not UNSET:
            field_dict["kind"] = kind
        if mode is not UNSET:
            field_dict["mode"] = mode
        if plan is not UNSET:
            field_dict["plan"] = plan
        if scope is not UNSET:
            field_dict["scope"] = scope
        if sub is not UNSET:
            field_dict["sub"] = sub
        if token_type is not UNSET:
            field_dict["token_type"] = token_type
        if user is not UNSET:
            field_dict["user"] = user

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        active = d.pop("active")

        account = d.pop("account", UNSET)

        client_id = d.pop("client_id", UNSET)

        exp = d.pop("exp", UNSET)

        iss = d.pop("iss", UNSET)

        _kind = d.pop("kind", UNSET)
        kind: IntrospectionKind | Unset
        if isinstance(_kind, Unset):
            kind = UNSET
        else:
            kind = IntrospectionKind(_kind)

        _mode = d.pop("mode", UNSET)
        mode: Mode | Unset
        if isinstance(_mode, Unset):
            mode = UNSET
        else:
            mode = Mode(_mode)

        plan = d.pop("plan", UNSET)

        scope = d.pop("scope", UNSET)

        sub = d.pop("sub", UNSET)

        token_type = cast(Literal["Bearer"] | Unset, d.pop("token_type", UNSET))
        if token_type != "Bearer" and not isinstance(token_type, Unset):
            raise ValueError(
                f"token_type must match const 'Bearer', got '{token_type}'"
            )

        user = d.pop("user", UNSET)

        introspection = cls(
            active=active,
            account=account,
            client_id=client_id,
            exp=exp,
            iss=iss,
            kind=kind,
            mode=mode,
            plan=plan,
            scope=scope,
            sub=sub,
            token_type=token_type,
            user=user,
        )

        introspection.additional_properties = d
        return introspection

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
