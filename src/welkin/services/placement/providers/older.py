"""What older versions did not know in the queries for providers and candidates, and how their answers looked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from welkin.core.errors import Invalid
from welkin.services.placement.providers.shapes import each_provider

Args = dict[str, list[str]]
Change = Callable[[Any], Any]


def named(args: Args, name: str) -> Iterator[str]:
    """Yield the arguments of this name, with and without a group's suffix."""
    for each in args:
        if each.startswith(name):
            yield each


def refuse_argument(name: str) -> Change:
    """Return a change that refuses an argument which is not known yet."""

    def change(args: Args) -> Args:
        for each in named(args, name):
            raise Invalid(
                f"Invalid query string parameters: Additional properties are not allowed ({each!r} was unexpected)"
            )
        return args

    return change


def last_required_alone(args: Args) -> Args:
    """Before 1.39 there was no `in:`, and of a repeated `required` the last counted."""
    for name in list(named(args, "required")):
        args[name] = args[name][-1:]
        if args[name][0].startswith("in:"):
            raise Invalid(
                "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since "
                f"microversion 1.39. Got: {args[name][0]}"
            )
    return args


def refuse_forbidden_aggregates(args: Args) -> Args:
    """Before 1.32 no aggregate could be forbidden."""
    for name in named(args, "member_of"):
        if any(value.startswith("!") for value in args[name]):
            raise Invalid(f"Forbidden {name} parameters are not supported in the specified microversion")
    return args


def refuse_repeated_aggregates(args: Args) -> Args:
    """Before 1.24 `member_of` stood there once."""
    for name in named(args, "member_of"):
        if len(args[name]) > 1:
            raise Invalid(f"Multiple {name} parameters are not supported")
    return args


def refuse_forbidden_traits(args: Args) -> Args:
    """Before 1.22 no trait could be forbidden."""
    for name in named(args, "required"):
        for value in args[name]:
            if any(part.strip().startswith("!") for part in value.split(",")):
                raise Invalid(
                    "Invalid query string parameters: Expected 'required' parameter value of the form: "
                    f"HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: {value}"
                )
    return args


def without_tree(body: Any) -> Any:
    """Trees came with 1.14."""
    for provider in each_provider(body):
        del provider["parent_provider_uuid"], provider["root_provider_uuid"]
    return body


def without_link(relation: str) -> Change:
    """Return a change that takes one link from every provider."""

    def change(body: Any) -> Any:
        for provider in each_provider(body):
            provider["links"] = [link for link in provider["links"] if link["rel"] != relation]
        return body

    return change
