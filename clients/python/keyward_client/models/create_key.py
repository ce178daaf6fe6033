from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.key_kind import KeyKind
from ..models.mode import Mode
from ..models.purpose import Purpose
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.create_key_metadata import CreateKeyMetadata


T = TypeVar("T", bound="CreateKey")


@_attrs_define
class CreateKey:
    """A key to create.

    Attributes:
        name (str): Display name.
        account (None | str | Unset): The owning account. Defaults to the caller's own.
        endpoints (list[str] | Unset): Endpoints that the key is confined to. Empty means all. Example: ['GET
            /v1/videos/*'].
        expires_at (datetime.datetime | None | Unset): Expiry time. Defaults to the account's default lifetime, or to
            never without one. The last day of 9999 means never.
        kind (KeyKind | None | Unset):
        metadata (CreateKeyMetadata | Unset): Metadata of the provider.
        mode (Mode | None | Unset):
        networks (list[str] | Unset): Networks that the key is confined to. Empty means all. Example: ['192.0.2.0/24'].
        not_before (datetime.datetime | None | Unset): Start of validity. Defaults to now.
        purpose (Purpose | Unset): The purpose of a key.
        scopes (list[str] | Unset): Granted scopes. A restricted key needs at least one. Example: ['resources:read'].
        tags (list[str] | Unset): Tags: 1 to 64 visible ASCII characters without spaces and commas. Example:
            ['team:search'].
        user (None | str | Unset): The user that the key belongs to: a member of the account. Defaults to none.
    """

    name: str
    account: None | str | Unset = UNSET
    endpoints: list[str] | Unset = UNSET
    expires_at: datetime.datetime | None | Unset = UNSET
    kind: KeyKind | None | Unset = UNSET
    metadata: CreateKeyMetadata | Unset = UNSET
    mode: Mode | None | Unset = UNSET
    networks: list[str] | Unset = UNSET
    not_before: datetime.datetime | None | Unset = UNSET
    purpose: Purpose | Unset = UNSET
    scopes: list[str] | Unset = UNSET
    tags: list[str] | Unset = UNSET
    user: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        account: None | str | Unset
        if isinstance(self.account, Unset):
            account = UNSET
        else:
            account = self.account

        endpoints: list[str] | Unset = UNSET
        if not isinstance(self.endpoints, Unset):
            endpoints = self.endpoints

        expires_at: None | str | Unset
        if isinstance(self.expires_at, Unset):
            expires_at = UNSET
        elif isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        kind: None | str | Unset
        if isinstance(self.kind, Unset):
            kind = UNSET
        elif isinstance(self.kind, KeyKind):
            kind = self.kind.value
        else:
            kind = self.kind

        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        mode: None | str | Unset
        if isinstance(self.mode, Unset):
            mode = UNSET
        elif isinstance(self.mode, Mode):
            mode = self.mode.value
        else:
            mode = self.mode

        networks: list[str] | Unset = UNSET
        if not isinstance(self.networks, Unset):
            networks = self.networks

        not_before: None | str | Unset
        if isinstance(self.not_before, Unset):
            not_before = UNSET
        elif isinstance(self.not_before, datetime.datetime):
            not_before = self.not_before.isoformat()
        else:
            not_before = self.not_before

        purpose: str | Unset = UNSET
        if not isinstance(self.purpose, Unset):
            purpose = self.purpose.value

        scopes: list[str] | Unset = UNSET
        if not isinstance(self.scopes, Unset):
            scopes = self.scopes

        tags: list[str] | Unset = UNSET
        if not isinstance(self.tags, Unset):
            tags = self.tags

        user: None | str | Unset
        if isinstance(self.user, Unset):
            user = UNSET
        else:
            user = self.user

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if account is not UNSET:
            field_dict["account"] = account
        if endpoints is not UNSET:
            field_dict["endpoints"] = endpoints
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if kind is not UNSET:
            field_dict["kind"] = kind
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if mode is not UNSET:
            field_dict["mode"] = mode
        if networks is not UNSET:
            field_dict["networks"] = networks
        if not_before is not UNSET:
            field_dict["not_before"] = not_before
        if purpose is not UNSET:
            field_dict["purpose"] = purpose
        if scopes is not UNSET:
            field_dict["scopes"] = scopes
        if tags is not UNSET:
            field_dict["tags"] = tags
        if user is not UNSET:
            field_dict["user"] = user

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.create_key_metadata import CreateKeyMetadata

        d = dict(src_dict)
        name = d.pop("name")

        def _parse_account(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        account = _parse_account(d.pop("account", UNSET))

        endpoints = cast(list[str], d.pop("endpoints", UNSET))

        def _parse_expires_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        expires_at = _parse_expires_at(d.pop("expires_at", UNSET))

        def _parse_kind(data: object) -> KeyKind | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                kind_type_0 = KeyKind(data)

                return kind_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KeyKind | None | Unset, data)

        kind = _parse_kind(d.pop("kind", UNSET))

        _metadata = d.pop("metadata", UNSET)
        metadata: CreateKeyMetadata | Unset
        if isinstance(_metadata, Unset):
            metadata = UNSET
        else:
            metadata = CreateKeyMetadata.from_dict(_metadata)

        def _parse_mode(data: object) -> Mode | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                mode_type_0 = Mode(data)

                return mode_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Mode | None | Unset, data)

        mode = _parse_mode(d.pop("mode", UNSET))

        networks = cast(list[str], d.pop("networks", UNSET))

        def _parse_not_before(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                not_before_type_0 = datetime.datetime.fromisoformat(data)

                return not_before_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        not_before = _parse_not_before(d.pop("not_before", UNSET))

        _purpose = d.pop("purpose", UNSET)
        purpose: Purpose | Unset
        if isinstance(_purpose, Unset):
            purpose = UNSET
        else:
            purpose = Purpose(_purpose)

        scopes = cast(list[str], d.pop("scopes", UNSET))

        tags = cast(list[str], d.pop("tags", UNSET))

        def _parse_user(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        user = _parse_user(d.pop("user", UNSET))

        create_key = cls(
            name=name,
            account=account,
            endpoints=endpoints,
            expires_at=expires_at,
            kind=kind,
            metadata=metadata,
            mode=mode,
            networks=networks,
            not_before=not_before,
            purpose=purpose,
            scopes=scopes,
            tags=tags,
            user=user,
        )

        return create_key
