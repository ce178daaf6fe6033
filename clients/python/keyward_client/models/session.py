from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Session")


@_attrs_define
class Session:
    """A session of the dashboard.

    Attributes:
        address (None | str): Client address at the start.
        by_link (bool): Whether a sign-in link began it.
        created_at (datetime.datetime): Creation time.
        current (bool): Whether the request belongs to this session.
        device (str): Name of the client software, such as `Firefox on Windows`, or `unknown device`.
        id (str): Id. It opens nothing.
        last_seen_at (datetime.datetime): Time of the last use, to within a minute.
        last_seen_from (None | str): Network of the last use, if known: a /24 of IPv4 or a /48 of IPv6.
        link_from (None | str): Name of the key, user or program that created the link.
        user_agent (None | str): Client software at the start.
    """

    address: None | str
    by_link: bool
    created_at: datetime.datetime
    current: bool
    device: str
    id: str
    last_seen_at: datetime.datetime
    last_seen_from: None | str
    link_from: None | str
    user_agent: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        address: None | str
        address = self.address

        by_link = self.by_link

        created_at = self.created_at.isoformat()

        current = self.current

        device = self.device

        id = self.id

        last_seen_at = self.last_seen_at.isoformat()

        last_seen_from: None | str
        last_seen_from = self.last_seen_from

        link_from: None | str
        link_from = self.link_from

        user_agent: None | str
        user_agent = self.user_agent

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "address": address,
                "by_link": by_link,
                "created_at": created_at,
                "current": current,
                "device": device,
                "id": id,
                "last_seen_at": last_seen_at,
                "last_seen_from": last_seen_from,
                "link_from": link_from,
                "user_agent": user_agent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        by_link = d.pop("by_link")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        current = d.pop("current")

        device = d.pop("device")

        id = d.pop("id")

        last_seen_at = datetime.datetime.fromisoformat(d.pop("last_seen_at"))

        def _parse_last_seen_from(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        last_seen_from = _parse_last_seen_from(d.pop("last_seen_from"))

        def _parse_link_from(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        link_from = _parse_link_from(d.pop("link_from"))

        def _parse_user_agent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        user_agent = _parse_user_agent(d.pop("user_agent"))

        session = cls(
            address=address,
            by_link=by_link,
            created_at=created_at,
            current=current,
            device=device,
            id=id,
            last_seen_at=last_seen_at,
            last_seen_from=last_seen_from,
            link_from=link_from,
            user_agent=user_agent,
        )

        session.additional_properties = d
        return session

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
