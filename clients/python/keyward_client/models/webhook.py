from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_kind import EventKind
from ..models.webhook_state import WebhookState

if TYPE_CHECKING:
    from ..models.actor import Actor


T = TypeVar("T", bound="Webhook")


@_attrs_define
class Webhook:
    """A webhook: a URL that receives the events of an account.

    Attributes:
        account (str): Account. A webhook of the operator's account receives the events of all accounts.
        created_at (datetime.datetime): Creation time.
        created_by (Actor | None):
        description (str): Description for people.
        disabled_reason (None | str): Why the server disabled the webhook, if it did.
        enabled (bool): Whether events are sent.
        events (list[EventKind]): Kinds of events. Empty means all.
        failing_since (datetime.datetime | None): Time of the first failure since the last success.
        id (str): Id.
        previous_secret_ends_at (datetime.datetime | None): Until when the last of the previous secrets signs, too.
        responsible (Actor | None):
        state (WebhookState): Whether a webhook gets events.
        stopped_since (datetime.datetime | None): Time at which the server noticed that the responsible key does not
            work. Its events are kept since then, and not
            sent.
        url (str): URL.
        version (int): Version, for updates. Each change increments it.
    """

    account: str
    created_at: datetime.datetime
    created_by: Actor | None
    description: str
    disabled_reason: None | str
    enabled: bool
    events: list[EventKind]
    failing_since: datetime.datetime | None
    id: str
    previous_secret_ends_at: datetime.datetime | None
    responsible: Actor | None
    state: WebhookState
    stopped_since: datetime.datetime | None
    url: str
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.actor import Actor

        account = self.account

        created_at = self.created_at.isoformat()

        created_by: dict[str, Any] | None
        if isinstance(self.created_by, Actor):
            created_by = self.created_by.to_dict()
        else:
            created_by = self.created_by

        description = self.description

        disabled_reason: None | str
        disabled_reason = self.disabled_reason

        enabled = self.enabled

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.value
            events.append(events_item)

        failing_since: None | str
        if isinstance(self.failing_since, datetime.datetime):
            failing_since = self.failing_since.isoformat()
        else:
            failing_since = self.failing_since

        id = self.id

        previous_secret_ends_at: None | str
        if isinstance(self.previous_secret_ends_at, datetime.datetime):
            previous_secret_ends_at = self.previous_secret_ends_at.isoformat()
        else:
            previous_secret_ends_at = self.previous_secret_ends_at

        responsible: dict[str, Any] | None
        if isinstance(self.responsible, Actor):
            responsible = self.responsible.to_dict()
        else:
            responsible = self.responsible

        state = self.state.value

        stopped_since: None | str
        if isinstance(self.stopped_since, datetime.datetime):
            stopped_since = self.stopped_since.isoformat()
        else:
            stopped_since = self.stopped_since

        url = self.url

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "created_at": created_at,
                "created_by": created_by,
                "description": description,
                "disabled_reason": disabled_reason,
                "enabled": enabled,
                "events": events,
                "failing_since": failing_since,
                "id": id,
                "previous_secret_ends_at": previous_secret_ends_at,
                "responsible": responsible,
                "state": state,
                "stopped_since": stopped_since,
                "url": url,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.actor import Actor

        d = dict(src_dict)
        account = d.pop("account")

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

        description = d.pop("description")

        def _parse_disabled_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        disabled_reason = _parse_disabled_reason(d.pop("disabled_reason"))

        enabled = d.pop("enabled")

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = EventKind(events_item_data)

            events.append(events_item)

        def _parse_failing_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                failing_since_type_0 = datetime.datetime.fromisoformat(data)

                return failing_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        failing_since = _parse_failing_since(d.pop("failing_since"))

        id = d.pop("id")

        def _parse_previous_secret_ends_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                previous_secret_ends_at_type_0 = datetime.datetime.fromisoformat(data)

                return previous_secret_ends_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        previous_secret_ends_at = _parse_previous_secret_ends_at(
            d.pop("previous_secret_ends_at")
        )

        def _parse_responsible(data: object) -> Actor | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                responsible_type_0 = Actor.from_dict(data)

                return responsible_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Actor | None, data)

        responsible = _parse_responsible(d.pop("responsible"))

        state = WebhookState(d.pop("state"))

        def _parse_stopped_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                stopped_since_type_0 = datetime.datetime.fromisoformat(data)

                return stopped_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        stopped_since = _parse_stopped_since(d.pop("stopped_since"))

        url = d.pop("url")

        version = d.pop("version")

        webhook = cls(
            account=account,
            created_at=created_at,
            created_by=created_by,
            description=description,
            disabled_reason=disabled_reason,
            enabled=enabled,
            events=events,
            failing_since=failing_since,
            id=id,
            previous_secret_ends_at=previous_secret_ends_at,
            responsible=responsible,
            state=state,
            stopped_since=stopped_since,
            url=url,
            version=version,
        )

        webhook.additional_properties = d
        return webhook

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
