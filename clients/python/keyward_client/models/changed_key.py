from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.key_kind import KeyKind
from ..models.key_status import KeyStatus
from ..models.mode import Mode
from ..models.purpose import Purpose

if TYPE_CHECKING:
    from ..models.actor import Actor
    from ..models.effective import Effective
    from ..models.key_metadata import KeyMetadata
    from ..models.revocation import Revocation


T = TypeVar("T", bound="ChangedKey")


@_attrs_define
class ChangedKey:
    """A changed key.

    Attributes:
        account (str): The owning account.
        compromised_at (datetime.datetime | None): Time when the key was reported as compromised, if it was.
        created_at (datetime.datetime): Creation time.
        created_by (Actor | None):
        disabled_at (datetime.datetime | None): Time when the key was disabled, if it is.
        endpoints (list[str]): Endpoints that the key is confined to. Empty means all.
        expires_at (datetime.datetime | None): Expiry time, if any.
        expires_soon (bool): Whether the key is active and expires within two weeks.
        hashed_with (str): Hash function of the digest: `sha256`, `hmac-sha256:` with the id of the pepper, or that of
            an imported key.
        hint (str): First 8 and last 4 characters.
        id (str): Id.
        kind (KeyKind): The kind of a key.
        last_used_at (datetime.datetime | None): Time of the last use.
        last_used_from (None | str): Network of the last use, if known: a /24 of IPv4 or a /48 of IPv6.
        metadata (KeyMetadata): Metadata of the provider.
        mode (Mode): The mode of a key.
        name (str): Display name.
        networks (list[str]): Networks that the key is confined to. Empty means all.
        not_before (datetime.datetime | None): Start of validity, if not the creation.
        purpose (Purpose): The purpose of a key.
        revocation (None | Revocation):
        revoked_at (datetime.datetime | None): Time when the key was revoked, if it is.
        rotated_from (None | str): The predecessor, if any.
        rotated_to (None | str): The successor, if any.
        scopes (list[str]): Granted scopes.
        status (KeyStatus): The status of a key.
        tags (list[str]): Tags, in order.
        used_after_rotation_at (datetime.datetime | None): Time of the last use after the key was rotated.
        user (None | str): The user of the account that the key belongs to, if any.
        version (int): Version, for updates. Each change increments it.
        effective (Effective): How a change reached every node.
    """

    account: str
    compromised_at: datetime.datetime | None
    created_at: datetime.datetime
    created_by: Actor | None
    disabled_at: datetime.datetime | None
    endpoints: list[str]
    expires_at: datetime.datetime | None
    expires_soon: bool
    hashed_with: str
    hint: str
    id: str
    kind: KeyKind
    last_used_at: datetime.datetime | None
    last_used_from: None | str
    metadata: KeyMetadata
    mode: Mode
    name: str
    networks: list[str]
    not_before: datetime.datetime | None
    purpose: Purpose
    revocation: None | Revocation
    revoked_at: datetime.datetime | None
    rotated_from: None | str
    rotated_to: None | str
    scopes: list[str]
    status: KeyStatus
    tags: list[str]
    used_after_rotation_at: datetime.datetime | None
    user: None | str
    version: int
    effective: Effective
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.actor import Actor
        from ..models.revocation import Revocation

        account = self.account

        compromised_at: None | str
        if isinstance(self.compromised_at, datetime.datetime):
            compromised_at = self.compromised_at.isoformat()
        else:
            compromised_at = self.compromised_at

        created_at = self.created_at.isoformat()

        created_by: dict[str, Any] | None
        if isinstance(self.created_by, Actor):
            created_by = self.created_by.to_dict()
        else:
            created_by = self.created_by

        disabled_at: None | str
        if isinstance(self.disabled_at, datetime.datetime):
            disabled_at = self.disabled_at.isoformat()
        else:
            disabled_at = self.disabled_at

        endpoints = self.endpoints

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        expires_soon = self.expires_soon

        hashed_with = self.hashed_with

        hint = self.hint

        id = self.id

        kind = self.kind.value

        last_used_at: None | str
        if isinstance(self.last_used_at, datetime.datetime):
            last_used_at = self.last_used_at.isoformat()
        else:
            last_used_at = self.last_used_at

        last_used_from: None | str
        last_used_from = self.last_used_from

        metadata = self.metadata.to_dict()

        mode = self.mode.value

        name = self.name

        networks = self.networks

        not_before: None | str
        if isinstance(self.not_before, datetime.datetime):
            not_before = self.not_before.isoformat()
        else:
            not_before = self.not_before

        purpose = self.purpose.value

        revocation: dict[str, Any] | None
        if isinstance(self.revocation, Revocation):
            revocation = self.revocation.to_dict()
        else:
            revocation = self.revocation

        revoked_at: None | str
        if isinstance(self.revoked_at, datetime.datetime):
            revoked_at = self.revoked_at.isoformat()
        else:
            revoked_at = self.revoked_at

        rotated_from: None | str
        rotated_from = self.rotated_from

        rotated_to: None | str
        rotated_to = self.rotated_to

        scopes = self.scopes

        status = self.status.value

        tags = self.tags

        used_after_rotation_at: None | str
        if isinstance(self.used_after_rotation_at, datetime.datetime):
            used_after_rotation_at = self.used_after_rotation_at.isoformat()
        else:
            used_after_rotation_at = self.used_after_rotation_at

        user: None | str
        user = self.user

        version = self.version

        effective = self.effective.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "compromised_at": compromised_at,
                "created_at": created_at,
                "created_by": created_by,
                "disabled_at": disabled_at,
                "endpoints": endpoints,
                "expires_at": expires_at,
                "expires_soon": expires_soon,
                "hashed_with": hashed_with,
                "hint": hint,
                "id": id,
                "kind": kind,
                "last_used_at": last_used_at,
                "last_used_from": last_used_from,
                "metadata": metadata,
                "mode": mode,
                "name": name,
                "networks": networks,
                "not_before": not_before,
                "purpose": purpose,
                "revocation": revocation,
                "revoked_at": revoked_at,
                "rotated_from": rotated_from,
                "rotated_to": rotated_to,
                "scopes": scopes,
                "status": status,
                "tags": tags,
                "used_after_rotation_at": used_after_rotation_at,
                "user": user,
                "version": version,
                "effective": effective,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.actor import Actor
        from ..models.effective import Effective
        from ..models.key_metadata import KeyMetadata
        from ..models.revocation import Revocation

        d = dict(src_dict)
        account = d.pop("account")

        def _parse_compromised_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                compromised_at_type_0 = datetime.datetime.fromisoformat(data)

                return compromised_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        compromised_at = _parse_compromised_at(d.pop("compromised_at"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_created_by(data: object) -> Actor | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                created_by_type_0 = Actor.from_dict(data)

                return created_by_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Actor | None, data)

        created_by = _parse_created_by(d.pop("created_by"))

        def _parse_disabled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                disabled_at_type_0 = datetime.datetime.fromisoformat(data)

                return disabled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        disabled_at = _parse_disabled_at(d.pop("disabled_at"))

        endpoints = cast(list[str], d.pop("endpoints"))

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        expires_soon = d.pop("expires_soon")

        hashed_with = d.pop("hashed_with")

        hint = d.pop("hint")

        id = d.pop("id")

        kind = KeyKind(d.pop("kind"))

        def _parse_last_used_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_used_at_type_0 = datetime.datetime.fromisoformat(data)

                return last_used_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_used_at = _parse_last_used_at(d.pop("last_used_at"))

        def _parse_last_used_from(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        last_used_from = _parse_last_used_from(d.pop("last_used_from"))

        metadata = KeyMetadata.from_dict(d.pop("metadata"))

        mode = Mode(d.pop("mode"))

        name = d.pop("name")

        networks = cast(list[str], d.pop("networks"))

        def _parse_not_before(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                not_before_type_0 = datetime.datetime.fromisoformat(data)

                return not_before_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        not_before = _parse_not_before(d.pop("not_before"))

        purpose = Purpose(d.pop("purpose"))

        def _parse_revocation(data: object) -> None | Revocation:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                revocation_type_0 = Revocation.from_dict(data)

                return revocation_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Revocation, data)

        revocation = _parse_revocation(d.pop("revocation"))

        def _parse_revoked_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                revoked_at_type_0 = datetime.datetime.fromisoformat(data)

                return revoked_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        revoked_at = _parse_revoked_at(d.pop("revoked_at"))

        def _parse_rotated_from(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        rotated_from = _parse_rotated_from(d.pop("rotated_from"))

        def _parse_rotated_to(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        rotated_to = _parse_rotated_to(d.pop("rotated_to"))

        scopes = cast(list[str], d.pop("scopes"))

        status = KeyStatus(d.pop("status"))

        tags = cast(list[str], d.pop("tags"))

        def _parse_used_after_rotation_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                used_after_rotation_at_type_0 = datetime.datetime.fromisoformat(data)

                return used_after_rotation_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        used_after_rotation_at = _parse_used_after_rotation_at(
            d.pop("used_after_rotation_at")
        )

        def _parse_user(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        user = _parse_user(d.pop("user"))

        version = d.pop("version")

        effective = Effective.from_dict(d.pop("effective"))

        changed_key = cls(
            account=account,
            compromised_at=compromised_at,
            created_at=created_at,
            created_by=created_by,
            disabled_at=disabled_at,
            endpoints=endpoints,
            expires_at=expires_at,
            expires_soon=expires_soon,
            hashed_with=hashed_with,
            hint=hint,
            id=id,
            kind=kind,
            last_used_at=last_used_at,
            last_used_from=last_used_from,
            metadata=metadata,
            mode=mode,
            name=name,
            networks=networks,
            not_before=not_before,
            purpose=purpose,
            revocation=revocation,
            revoked_at=revoked_at,
            rotated_from=rotated_from,
            rotated_to=rotated_to,
            scopes=scopes,
            status=status,
            tags=tags,
            used_after_rotation_at=used_after_rotation_at,
            user=user,
            version=version,
            effective=effective,
        )

        changed_key.additional_properties = d
        return changed_key

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
