from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.theme import Theme

T = TypeVar("T", bound="Settings")


@_attrs_define
class Settings:
    """The look of the pages.

    Attributes:
        accent (None | str): The colour of buttons and links, such as `#3c4cc0`.
        logo (None | str): Identifier of the logo, derived from its contents.
        name (None | str): Display name of the provider.
        theme (Theme): The colours of the pages.
        version (int): Version, for updates. Each change increments it.
    """

    accent: None | str
    logo: None | str
    name: None | str
    theme: Theme
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        accent: None | str
        accent = self.accent

        logo: None | str
        logo = self.logo

        name: None | str
        name = self.name

        theme = self.theme.value

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "accent": accent,
                "logo": logo,
                "name": name,
                "theme": theme,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_accent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        accent = _parse_accent(d.pop("accent"))

        def _parse_logo(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        logo = _parse_logo(d.pop("logo"))

        def _parse_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        name = _parse_name(d.pop("name"))

        theme = Theme(d.pop("theme"))

        version = d.pop("version")

        settings = cls(
            accent=accent,
            logo=logo,
            name=name,
            theme=theme,
            version=version,
        )

        settings.additional_properties = d
        return settings

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
