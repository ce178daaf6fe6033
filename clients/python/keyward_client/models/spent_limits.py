from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.spent_budget import SpentBudget
    from ..models.spent_rate import SpentRate


T = TypeVar("T", bound="SpentLimits")


@_attrs_define
class SpentLimits:
    """What is left of the limits, unless the cost is 0.

    Attributes:
        budget (None | SpentBudget): The budget with the fewest credits left, if any.
        rates (list[SpentRate]): The rates from which the request spent.
    """

    budget: None | SpentBudget
    rates: list[SpentRate]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.spent_budget import SpentBudget

        budget: dict[str, Any] | None
        if isinstance(self.budget, SpentBudget):
            budget = self.budget.to_dict()
        else:
            budget = self.budget

        rates = []
        for rates_item_data in self.rates:
            rates_item = rates_item_data.to_dict()
            rates.append(rates_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "budget": budget,
                "rates": rates,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.spent_budget import SpentBudget
        from ..models.spent_rate import SpentRate

        d = dict(src_dict)

        def _parse_budget(data: object) -> None | SpentBudget:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                budget_type_0 = SpentBudget.from_dict(data)

                return budget_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SpentBudget, data)

        budget = _parse_budget(d.pop("budget"))

        rates = []
        _rates = d.pop("rates")
        for rates_item_data in _rates:
            rates_item = SpentRate.from_dict(rates_item_data)

            rates.append(rates_item)

        spent_limits = cls(
            budget=budget,
            rates=rates,
        )

        spent_limits.additional_properties = d
        return spent_limits

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
