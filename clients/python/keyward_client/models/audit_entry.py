from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.outcome import Outcome

if TYPE_CHECKING:
    from ..models.actor import Actor
    from ..models.audit_entry_after_type_0 import AuditEntryAfterType0
    from ..models.audit_entry_before_type_0 import AuditEntryBeforeType0
    from ..models.target import Target


T = TypeVar("T", bound="AuditEntry")


@_attrs_define
class AuditEntry:
    """An entry of the audit log.

    Attributes:
        account (None | str): Account, if any.
        action (str): Action, such as `key.revoke`.
        actor (Actor): The actor of an audit entry, or the creator of a key.
        address (None | str): Client address.
        after (AuditEntryAfterType0 | None): State after, without secrets.
        at (datetime.datetime): Time.
        before (AuditEntryBeforeType0 | None): State before, without secrets.
        number (int): Number of the entry. The first is 1.
        outcome (Outcome): The outcome of an operation.
        previous (str): Hash of the previous entry. Zeros for the first.
        request_id (None | str): Request id.
        target (Target): The target of an audit entry.
        user_agent (None | str): Client software.
    """

    account: None | str
    action: str
    actor: Actor
    address: None | str
    after: AuditEntryAfterType0 | None
    at: datetime.datetime
    before: AuditEntryBeforeType0 | None
    number: int
    outcome: Outcome
    previous: str
    request_id: None | str
    target: Target
    user_agent: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.audit_entry_after_type_0 import AuditEntryAfterType0
        from ..models.audit_entry_before_type_0 import AuditEntryBeforeType0

        account: None | str
        account = self.account

        action = self.action

        actor = self.actor.to_dict()

        address: None | str
        address = self.address

        after: dict[str, Any] | None
        if isinstance(self.after, AuditEntryAfterType0):
            after = self.after.to_dict()
        else:
            after = self.after

        at = self.at.isoformat()

        before: dict[str, Any] | None
        if isinstance(self.before, AuditEntryBeforeType0):
            before = self.before.to_dict()
        else:
            before = self.before

        number = self.number

        outcome = self.outcome.value

        previous = self.previous

        request_id: None | str
        request_id = self.request_id

        target = self.target.to_dict()

        user_agent: None | str
        user_agent = self.user_agent

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "action": action,
                "actor": actor,
                "address": address,
                "after": after,
                "at": at,
                "before": before,
                "number": number,
                "outcome": outcome,
                "previous": previous,
                "request_id": request_id,
                "target": target,
                "user_agent": user_agent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.actor import Actor
        from ..models.audit_entry_after_type_0 import AuditEntryAfterType0
        from ..models.audit_entry_before_type_0 import AuditEntryBeforeType0
        from ..models.target import Target

        d = dict(src_dict)

        def _parse_account(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        account = _parse_account(d.pop("account"))

        action = d.pop("action")

        actor = Actor.from_dict(d.pop("actor"))

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        def _parse_after(data: object) -> AuditEntryAfterType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                after_type_0 = AuditEntryAfterType0.from_dict(data)

                return after_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AuditEntryAfterType0 | None, data)

        after = _parse_after(d.pop("after"))

        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_before(data: object) -> AuditEntryBeforeType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                before_type_0 = AuditEntryBeforeType0.from_dict(data)

                return before_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AuditEntryBeforeType0 | None, data)

        before = _parse_before(d.pop("before"))

        number = d.pop("number")

        outcome = Outcome(d.pop("outcome"))

        previous = d.pop("previous")

        def _parse_request_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        request_id = _parse_request_id(d.pop("request_id"))

        target = Target.from_dict(d.pop("target"))

        def _parse_user_agent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        user_agent = _parse_user_agent(d.pop("user_agent"))

        audit_entry = cls(
            account=account,
            action=action,
            actor=actor,
            address=address,
            after=after,
            at=at,
            before=before,
            number=number,
            outcome=outcome,
            previous=previous,
            request_id=request_id,
            target=target,
            user_agent=user_agent,
        )

        audit_entry.additional_properties = d
        return audit_entry

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
