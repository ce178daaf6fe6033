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
        any_scope_suffices (bool): Whether one of these scopes is enough.
        at (datetime.datetime): Time of the answer.
        method (None | str): Method, or null if it is unknown.
        missing_scopes (list[str]): Scopes that the key lacked, the first 8 of them. Empty for other outcomes.
        network (None | str): Network of the client (IPv4 /24, IPv6 /48), or null if it is unknown.
        outcome (str): `OK` if the key was accepted, or the code of the refusal.
        route (None | str): Pattern of the route, such as `/v1/videos/{id}`, or null if it is unknown. Never the path,
            which may hold personal data.
    """

    any_scope_suffices: bool
    at: datetime.datetime
    method: None | str
    missing_scopes: list[str]
    network: None | str
    outcome: str
    route: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        any_scope_suffices = self.any_scope_suffices

        at = self.at.isoformat()

        method: None | str
        method = self.method

        missing_scopes = self.missing_scopes

        network: None | str
        network = self.network

        outcome = self.outcome

        route: None | str
        route = self.route

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "any_scope_suffices": any_scope_suffices,
                "at": at,
                "method": method,
                "missing_scopes": missing_scopes,
                "network": network,
                "outcome": outcome,
                "route": route,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        any_scope_suffices = d.pop("any_scope_suffices")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_method(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        method = _parse_method(d.pop("method"))

        missing_scopes = cast(list[str], d.pop("missing_scopes"))

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
            any_scope_suffices=any_scope_suffices,
            at=at,
            method=method,
            missing_scopes=missing_scopes,
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
