from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.budget import Budget
    from ..models.credits_left import CreditsLeft
    from ..models.rate import Rate


T = TypeVar("T", bound="Limits")


@_attrs_define
class Limits:
    """The limits of a plan, an account or a key.

    Attributes:
        budget (Budget | None):
        left (CreditsLeft | None):
        rates (list[Rate]): Rate limits.
        tasks (int | None): The most tasks that run at once.
        version (int): Version, for updates. 0 if no limits were set. Each change gives it another number.
    """

    budget: Budget | None
    left: CreditsLeft | None
    rates: list[Rate]
    tasks: int | None
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.budget import Budget
        from ..models.credits_left import CreditsLeft

        budget: dict[str, Any] | None
        if isinstance(self.budget, Budget):
            budget = self.budget.to_dict()
        else:
            budget = self.budget

        left: dict[str, Any] | None
        if isinstance(self.left, CreditsLeft):
            left = self.left.to_dict()
        else:
            left = self.left

        rates = []
        for rates_item_data in self.rates:
            rates_item = rates_item_data.to_dict()
            rates.append(rates_item)

        tasks: int | None
        tasks = self.tasks

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "budget": budget,
                "left": left,
                "rates": rates,
                "tasks": tasks,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.budget import Budget
        from ..models.credits_left import CreditsLeft
        from ..models.rate import Rate

        d = dict(src_dict)

        def _parse_budget(data: object) -> Budget | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                budget_type_0 = Budget.from_dict(data)

                return budget_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Budget | None, data)

        budget = _parse_budget(d.pop("budget"))

        def _parse_left(data: object) -> CreditsLeft | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                left_type_0 = CreditsLeft.from_dict(data)

                return left_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CreditsLeft | None, data)

        left = _parse_left(d.pop("left"))

        rates = []
        _rates = d.pop("rates")
        for rates_item_data in _rates:
            rates_item = Rate.from_dict(rates_item_data)

            rates.append(rates_item)

        def _parse_tasks(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        tasks = _parse_tasks(d.pop("tasks"))

        version = d.pop("version")

        limits = cls(
            budget=budget,
            left=left,
            rates=rates,
            tasks=tasks,
            version=version,
        )

        limits.additional_properties = d
        return limits

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
