"""Who may ask and change what: the cloud's own services and its administrators, under upstream's names."""

from __future__ import annotations

from welkin.core.policy import Rule

ADMIN_OR_SERVICE = "role:admin or role:service"
READER_TOO = "role:admin or (role:reader and project_id:%(project_id)s) or role:service"


def _rule(name: str, summary: str, check: str = ADMIN_OR_SERVICE) -> Rule:
    return Rule(f"placement:{name}", check, summary)


PROVIDERS_LIST = _rule("resource_providers:list", "List providers.")
PROVIDERS_CREATE = _rule("resource_providers:create", "Create a provider.")
PROVIDERS_SHOW = _rule("resource_providers:show", "Show a provider.")
PROVIDERS_UPDATE = _rule("resource_providers:update", "Rename or move a provider.")
PROVIDERS_DELETE = _rule("resource_providers:delete", "Delete a provider.")

INVENTORIES_LIST = _rule("resource_providers:inventories:list", "List a provider's inventories.")
INVENTORIES_CREATE = _rule("resource_providers:inventories:create", "Add an inventory to a provider.")
INVENTORIES_SHOW = _rule("resource_providers:inventories:show", "Show one inventory of a provider.")
INVENTORIES_UPDATE = _rule("resource_providers:inventories:update", "Change inventories of a provider.")
INVENTORIES_DELETE = _rule("resource_providers:inventories:delete", "Delete inventories of a provider.")

AGGREGATES_LIST = _rule("resource_providers:aggregates:list", "List a provider's aggregates.")
AGGREGATES_UPDATE = _rule("resource_providers:aggregates:update", "Change a provider's aggregates.")

PROVIDER_TRAITS_LIST = _rule("resource_providers:traits:list", "List a provider's traits.")
PROVIDER_TRAITS_UPDATE = _rule("resource_providers:traits:update", "Change a provider's traits.")
PROVIDER_TRAITS_DELETE = _rule("resource_providers:traits:delete", "Remove a provider's traits.")

PROVIDER_ALLOCATIONS_LIST = _rule("resource_providers:allocations:list", "List what is allocated from a provider.")
PROVIDER_USAGES = _rule("resource_providers:usages", "Show how much of a provider is used.")

ALLOCATIONS_MANAGE = _rule("allocations:manage", "Set the allocations of several consumers.")
ALLOCATIONS_LIST = _rule("allocations:list", "List a consumer's allocations.")
ALLOCATIONS_UPDATE = _rule("allocations:update", "Set a consumer's allocations.")
ALLOCATIONS_DELETE = _rule("allocations:delete", "Delete a consumer's allocations.")
RESHAPE = _rule("reshaper:reshape", "Move inventories and allocations together.", "role:service")
CANDIDATES_LIST = _rule("allocation_candidates:list", "List the ways in which a request could be met.")
USAGES = _rule("usages", "Show how much a project uses.", READER_TOO)

CLASSES_LIST = _rule("resource_classes:list", "List resource classes.")
CLASSES_CREATE = _rule("resource_classes:create", "Create a resource class.")
CLASSES_SHOW = _rule("resource_classes:show", "Show a resource class.")
CLASSES_UPDATE = _rule("resource_classes:update", "Create, check or rename a resource class.")
CLASSES_DELETE = _rule("resource_classes:delete", "Delete a resource class.")

TRAITS_LIST = _rule("traits:list", "List traits.")
TRAITS_SHOW = _rule("traits:show", "Check that a trait exists.")
TRAITS_UPDATE = _rule("traits:update", "Create a trait.")
TRAITS_DELETE = _rule("traits:delete", "Delete a trait.")

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
