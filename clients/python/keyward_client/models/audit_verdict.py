from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AuditVerdict")


@_attrs_define
class AuditVerdict:
    """Result of verifying the audit log.

    Attributes:
        checkpoint (str): Checkpoint to keep elsewhere. Send it as `since` later, to detect that the log was cut or
            rewritten.
        entries (int): Number of the last good entry. Pruned entries count.
        first_bad (int | None): Number of the first bad entry.
        hash_ (str): Hash of that entry.
        intact (bool): Whether the log is intact.
        pruned_through (int | None): Number of the last pruned entry, if any.
        why (None | str): Reason why it is bad.
    """

    checkpoint: str
    entries: int
    first_bad: int | None
    hash_: str
    intact: bool
    pruned_through: int | None
    why: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        checkpoint = self.checkpoint

        entries = self.entries

        first_bad: int | None
        first_bad = self.first_bad

        hash_ = self.hash_

        intact = self.intact

        pruned_through: int | None
        pruned_through = self.pruned_through

        why: None | str
        why = self.why

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "checkpoint": checkpoint,
                "entries": entries,
                "first_bad": first_bad,
                "hash": hash_,
                "intact": intact,
                "pruned_through": pruned_through,
                "why": why,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        checkpoint = d.pop("checkpoint")

        entries = d.pop("entries")

        def _parse_first_bad(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        first_bad = _parse_first_bad(d.pop("first_bad"))

        hash_ = d.pop("hash")

        intact = d.pop("intact")

        def _parse_pruned_through(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        pruned_through = _parse_pruned_through(d.pop("pruned_through"))

        def _parse_why(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        why = _parse_why(d.pop("why"))

        audit_verdict = cls(
            checkpoint=checkpoint,
            entries=entries,
            first_bad=first_bad,
            hash_=hash_,
            intact=intact,
            pruned_through=pruned_through,
            why=why,
        )

        audit_verdict.additional_properties = d
        return audit_verdict

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
