from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.theme import Theme
from ..types import UNSET, Unset

T = TypeVar("T", bound="UpdateSettings")


@_attrs_define
class UpdateSettings:
    """Changes to the look of the pages. Omitted fields stay. Null restores the configured value.

    Attributes:
        accent (None | str | Unset): The colour of buttons and links, with a contrast of at least 4.5 to 1 on light
            pages.
        logo (None | str | Unset): A PNG, JPEG or WebP image of up to 32 KiB, in base64.
        name (None | str | Unset): Display name of the provider.
        theme (None | Theme | Unset):
    """

    accent: None | str | Unset = UNSET
    logo: None | str | Unset = UNSET
    name: None | str | Unset = UNSET
    theme: None | Theme | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        accent: None | str | Unset
        if isinstance(self.accent, Unset):
            accent = UNSET
        else:
            accent = self.accent

        logo: None | str | Unset
        if isinstance(self.logo, Unset):
            logo = UNSET
        else:
            logo = self.logo

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        theme: None | str | Unset
        if isinstance(self.theme, Unset):
            theme = UNSET
        elif isinstance(self.theme, Theme):
            theme = self.theme.value
        else:
            theme = self.theme

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if accent is not UNSET:
            field_dict["accent"] = accent
        if logo is not UNSET:
            field_dict["logo"] = logo
        if name is not UNSET:
            field_dict["name"] = name
        if theme is not UNSET:
            field_dict["theme"] = theme

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_accent(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        accent = _parse_accent(d.pop("accent", UNSET))

        def _parse_logo(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        logo = _parse_logo(d.pop("logo", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_theme(data: object) -> None | Theme | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                theme_type_0 = Theme(data)

                return theme_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Theme | Unset, data)

        theme = _parse_theme(d.pop("theme", UNSET))

        update_settings = cls(
            accent=accent,
            logo=logo,
            name=name,
            theme=theme,
        )

        return update_settings
