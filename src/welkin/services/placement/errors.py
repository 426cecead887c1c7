"""What placement refuses, and why.  The codes are upstream's, for clients look at them."""

from __future__ import annotations

from welkin.core.errors import Conflict, Invalid, NotFound


class ProviderNotFound(NotFound):
    """There is no such provider."""

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"No resource provider with uuid {provider_id} found.")


class UnknownProvider(Invalid):
    """A body names a provider that is not there."""

    code = "placement.resource_provider.not_found"

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"Resource provider {provider_id} does not exist: it was not found.")


class ConcurrentUpdate(Conflict):
    """Somebody else has changed it since the caller looked; look again and repeat."""

    code = "placement.concurrent_update"


class DuplicateName(Conflict):
    """The name or the id is taken."""

    code = "placement.duplicate_name"


class InventoryInUse(Conflict):
    """An inventory cannot go while something is allocated from it."""

    code = "placement.inventory.inuse"

    def __init__(self, classes: str, provider_id: str) -> None:
        super().__init__(f"Inventory for '{classes}' on resource provider '{provider_id}' in use; update conflict.")


class ProviderInUse(Conflict):
    """A provider cannot go while something is allocated from it."""

    code = "placement.resource_provider.inuse"

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"Unable to delete resource provider {provider_id}: Resource provider has allocations.")


class ProviderHasChildren(Conflict):
    """A provider cannot go before its children."""

    code = "placement.resource_provider.cannot_delete_parent"

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"Unable to delete parent resource provider {provider_id}: It has child resource providers.")


class DoesNotFit(Conflict):
    """The inventory cannot give what an allocation wants."""

    def __init__(self, resource_class: str, provider_id: str, reason: str) -> None:
        super().__init__(
            f"Unable to allocate inventory: Unable to create allocation for '{resource_class}' "
            f"on resource provider '{provider_id}'. {reason}"
        )


class DuplicateArgument(Invalid):
    """An argument of the query may stand there once only."""

    code = "placement.query.duplicate_key"


class BadArgument(Invalid):
    """An argument of the query has a value that makes no sense."""

    code = "placement.query.bad_value"


class MissingArgument(Invalid):
    """The query lacks what every request needs."""

    code = "placement.query.missing_value"
