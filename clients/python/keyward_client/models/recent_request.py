from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="RecentRequest")


@_attrs_define
class RecentRequest:
    """A request with a key.

    Attributes:
        at (datetime.datetime): Time of the answer.
        method (None | str): Method, or null if it is unknown.
        network (None | str): Network of the client (IPv4 /24, IPv6 /48), or null if it is unknown.
        outcome (str): `OK` if the key was accepted, or the code of the refusal.
        route (None | str): Pattern of the route, such as `/v1/videos/{id}`, or null if it is unknown. Never the path,
            which may hold personal data.
    """

    at: datetime.datetime
    method: None | str
    network: None | str
    outcome: str
    route: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        method: None | str
        method = self.method

        network: None | str
        network = self.network

        outcome = self.outcome

        route: None | str
        route = self.route

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "method": method,
                "network": network,
                "outcome": outcome,
                "route": route,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_method(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        method = _parse_method(d.pop("method"))

        def _parse_network(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        network = _parse_network(d.pop("network"))

        outcome = d.pop("outcome")

        def _parse_route(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        route = _parse_route(d.pop("route"))

        recent_request = cls(
            at=at,
            method=method,
            network=network,
            outcome=outcome,
            route=route,
        )

        recent_request.additional_properties = d
        return recent_request

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
