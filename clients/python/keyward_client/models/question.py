from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Question")


@_attrs_define
class Question:
    """A key, and the request that presented it.

    Attributes:
        key (str): The key, as it came after `Bearer`.
        browser (bool | Unset): Whether a browser sent the request. A service can refuse secret keys of browsers.
            Defaults to `false`.
        client (None | str | Unset): Address of the client. Without it, a key that is confined to networks is refused.
        cost (int | None | Unset): What the request spends from the limits of the key and its account. Defaults to 1.
        method (None | str | Unset): Method of the request. Defaults to `GET`.
        path (None | str | Unset): Path of the request. Without it, a key that is confined to endpoints is refused.
        rate (None | str | Unset): Name of the rate limit from which it spends. Defaults to `default`. A name that no
            rule of the key, its account or its plan has limits nothing.
        scopes (list[str] | Unset): Scopes that the key needs, all of them.
    """

    key: str = _attrs_field(repr=False)
    browser: bool | Unset = UNSET
    client: None | str | Unset = UNSET
    cost: int | None | Unset = UNSET
    method: None | str | Unset = UNSET
    path: None | str | Unset = UNSET
    rate: None | str | Unset = UNSET
    scopes: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        key = self.key

        browser = self.browser

        client: None | str | Unset
        if isinstance(self.client, Unset):
            client = UNSET
        else:
            client = self.client

        cost: int | None | Unset
        if isinstance(self.cost, Unset):
            cost = UNSET
        else:
            cost = self.cost

        method: None | str | Unset
        if isinstance(self.method, Unset):
            method = UNSET
        else:
            method = self.method

        path: None | str | Unset
        if isinstance(self.path, Unset):
            path = UNSET
        else:
            path = self.path

        rate: None | str | Unset
        if isinstance(self.rate, Unset):
            rate = UNSET
        else:
            rate = self.rate

        scopes: list[str] | Unset = UNSET
        if not isinstance(self.scopes, Unset):
            scopes = self.scopes

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "key": key,
            }
        )
        if browser is not UNSET:
            field_dict["browser"] = browser
        if client is not UNSET:
            field_dict["client"] = client
        if cost is not UNSET:
            field_dict["cost"] = cost
        if method is not UNSET:
            field_dict["method"] = method
        if path is not UNSET:
            field_dict["path"] = path
        if rate is not UNSET:
            field_dict["rate"] = rate
        if scopes is not UNSET:
            field_dict["scopes"] = scopes

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        key = d.pop("key")

        browser = d.pop("browser", UNSET)

        def _parse_client(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        client = _parse_client(d.pop("client", UNSET))

        def _parse_cost(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        cost = _parse_cost(d.pop("cost", UNSET))

        def _parse_method(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        method = _parse_method(d.pop("method", UNSET))

        def _parse_path(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        path = _parse_path(d.pop("path", UNSET))

        def _parse_rate(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        rate = _parse_rate(d.pop("rate", UNSET))

        scopes = cast(list[str], d.pop("scopes", UNSET))

        question = cls(
            key=key,
            browser=browser,
            client=client,
            cost=cost,
            method=method,
            path=path,
            rate=rate,
            scopes=scopes,
        )

        return question
