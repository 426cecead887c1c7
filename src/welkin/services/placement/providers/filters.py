"""What `required`, `member_of` and `resources` in a query mean, for providers and for candidates."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core.errors import Invalid
from welkin.services.placement.providers.shapes import dashed


class TraitFilter(msgspec.Struct, frozen=True):
    """Of each set of `required` one trait at least, and none of `forbidden`."""

    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every trait that is named."""
        return self.forbidden.union(*self.required)


class AggregateFilter(msgspec.Struct, frozen=True):
    """Of each set of `required` one aggregate at least, and none of `forbidden`."""

    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()


def traits_of(values: Sequence[str]) -> TraitFilter:
    """Read every value of a `required` argument: `A,!B` or `in:A,B`.  Raises Invalid."""
    required: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        any_of = value.startswith("in:")
        found = [trait.strip() for trait in value.removeprefix("in:").split(",")]
        refused = {trait.lstrip("!") for trait in found if trait.startswith("!")}
        if "" in found or "" in refused:
            raise Invalid(
                "Invalid query string parameters: Expected 'required' parameter value of the form: "
                f"HW_CPU_X86_VMX,!CUSTOM_MAGIC. Got an empty trait in: {value}"
            )
        if any_of and refused:
            raise Invalid(
                "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' "
                f"does not support forbidden traits. Got: {value}"
            )
        forbidden |= refused
        if any_of:
            required.append(frozenset(found))
        else:
            required += [frozenset({trait}) for trait in found if not trait.startswith("!")]
    return TraitFilter(tuple(required), frozenset(forbidden))


def aggregates_of(values: Sequence[str]) -> AggregateFilter:
    """Read every value of a `member_of` argument: `A`, `!A`, `in:A,B` or `!in:A,B`.  Raises Invalid."""
    required: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values:
        negative = value.startswith("!")
        bare = value.removeprefix("!")
        if "," in bare and not bare.startswith("in:"):
            raise Invalid(
                "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the "
                f"valid microversion. Got: {value}"
            )
        found = frozenset(_aggregate(each) for each in bare.removeprefix("in:").split(","))
        if negative:
            forbidden |= found
        else:
            required.append(found)
    return AggregateFilter(tuple(required), frozenset(forbidden))


def resources_of(value: str) -> dict[str, int]:
    """Read a `resources` argument, `VCPU:2,MEMORY_MB:512`.  Raises Invalid."""
    found: dict[str, int] = {}
    for part in value.split(","):
        name, colon, amount = part.partition(":")
        if not colon or ":" in amount:
            raise Invalid(
                "Badly formed resources parameter. Expected resources query string parameter in form: "
                f"?resources=VCPU:2,MEMORY_MB:1024. Got: {part.strip() or 'empty string'}."
            )
        try:
            found[name] = int(amount)
        except ValueError:
            raise Invalid(f"Requested resource {name} expected positive integer amount. Got: {amount}.") from None
        if found[name] < 1:
            raise Invalid(f"Requested resource {name} requires amount >= 1. Got: {amount}.")
        if found[name] >= 1 << 62:
            raise Invalid(f"Requested resource {name} is more than there can be.")
    return found


def _aggregate(text: str) -> str:
    try:
        dashed(text)
    except Invalid:
        raise Invalid(
            f"Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: {text}"
        ) from None
    return text
