from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_state import DeliveryState
from ..models.event_kind import EventKind

if TYPE_CHECKING:
    from ..models.delivery_attempt import DeliveryAttempt
    from ..models.delivery_payload import DeliveryPayload


T = TypeVar("T", bound="Delivery")


@_attrs_define
class Delivery:
    """The delivery of an event to a webhook. Kept for 30 days.

    Attributes:
        attempts (list[DeliveryAttempt]): The latest attempts, oldest first.
        created_at (datetime.datetime): Creation time.
        event (str): Id of the event, sent as `webhook-id`.
        id (str): Id.
        next_attempt_at (datetime.datetime | None): Time of the next attempt, if one follows.
        payload (DeliveryPayload): The body that is sent.
        state (DeliveryState): The state of a delivery.
        type_ (EventKind): The kind of an event.
        webhook (str): Id of the webhook.
    """

    attempts: list[DeliveryAttempt]
    created_at: datetime.datetime
    event: str
    id: str
    next_attempt_at: datetime.datetime | None
    payload: DeliveryPayload
    state: DeliveryState
    type_: EventKind
    webhook: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempts = []
        for attempts_item_data in self.attempts:
            attempts_item = attempts_item_data.to_dict()
            attempts.append(attempts_item)

        created_at = self.created_at.isoformat()

        event = self.event

        id = self.id

        next_attempt_at: None | str
        if isinstance(self.next_attempt_at, datetime.datetime):
            next_attempt_at = self.next_attempt_at.isoformat()
        else:
            next_attempt_at = self.next_attempt_at

        payload = self.payload.to_dict()

        state = self.state.value

        type_ = self.type_.value

        webhook = self.webhook

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempts": attempts,
                "created_at": created_at,
                "event": event,
                "id": id,
                "next_attempt_at": next_attempt_at,
                "payload": payload,
                "state": state,
                "type": type_,
                "webhook": webhook,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.delivery_attempt import DeliveryAttempt
        from ..models.delivery_payload import DeliveryPayload

        d = dict(src_dict)
        attempts = []
        _attempts = d.pop("attempts")
        for attempts_item_data in _attempts:
            attempts_item = DeliveryAttempt.from_dict(attempts_item_data)

            attempts.append(attempts_item)

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        event = d.pop("event")

        id = d.pop("id")

        def _parse_next_attempt_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_attempt_at_type_0 = datetime.datetime.fromisoformat(data)

                return next_attempt_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        next_attempt_at = _parse_next_attempt_at(d.pop("next_attempt_at"))

        payload = DeliveryPayload.from_dict(d.pop("payload"))

        state = DeliveryState(d.pop("state"))

        type_ = EventKind(d.pop("type"))

        webhook = d.pop("webhook")

        delivery = cls(
            attempts=attempts,
            created_at=created_at,
            event=event,
            id=id,
            next_attempt_at=next_attempt_at,
            payload=payload,
            state=state,
            type_=type_,
            webhook=webhook,
        )

        delivery.additional_properties = d
        return delivery

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
